import Foundation
import Migrations
import Postgres

/// A PostgreSQL server for one test, which may do to it what others would not survive.
package struct PrivateServer: Sendable {
    /// A migrated database on it.
    package let database: TestDatabase
    private let folder: String
    private let options: [String]

    fileprivate init(folder: String, options: [String]) async throws {
        self.folder = folder
        self.options = options
        database = TestDatabase(url: try await Self.run(["start", folder] + options))
    }

    fileprivate func migrate() async throws {
        try await Migrator(
            database: database.owner, directory: TestServer.shared.migrations
        ).up()
    }

    /// Starts it again after ``kill()``; returns once it accepts connections.
    package func start() async throws { _ = try await Self.run(["start", folder] + options) }

    /// Stops it as an administrator would, and starts it again.
    package func restart() async throws { _ = try await Self.run(["restart", folder] + options) }

    /// Ends all its processes at once, as a power cut would.
    package func kill() async throws { _ = try await Self.run(["kill", folder]) }

    /// Has every commit wait for a synchronous standby, which is not there.
    package func loseStandby() async throws {
        try await configure("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        let impatient = database.service { $0.deadline = .milliseconds(100) }
        // In force once a commit goes unanswered.
        while true {
            do {
                try await impatient.transaction { tx in
                    try tx.execute(
                        """
                        INSERT INTO markers (clinic_id, id)
                        VALUES (gen_random_uuid(), gen_random_uuid())
                        """)
                }
            } catch let error as PostgresError where error.kind == .commitUnknown {
                return await impatient.close()
            }
        }
    }

    /// Has no commit wait for a standby any more, those included that wait already.
    package func regainStandby() async throws {
        try await configure("ALTER SYSTEM RESET synchronous_standby_names")
    }

    private func configure(_ statement: String) async throws {
        try await database.owner.withSession { session in
            try session.executeUncheckedScript(statement)
            try session.executeUncheckedScript("SELECT pg_reload_conf()")
        }
    }

    fileprivate func remove() async throws {
        await database.close()
        _ = try await Self.run(["remove", folder])
    }

    /// Runs the script that `make test` and `make run` use, too.
    /// - Returns: What it printed.
    private static func run(_ arguments: [String]) async throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: TestServer.project("scripts/postgres"))
        process.arguments = arguments
        // Not into a pipe: the server would inherit its end, and nobody would ever read to that.
        let printed = URL(filePath: NSTemporaryDirectory()).appending(path: UUID().uuidString)
        try Data().write(to: printed)
        defer { try? FileManager.default.removeItem(at: printed) }
        process.standardOutput = try FileHandle(forWritingTo: printed)
        let status: Int32 = try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
        guard status == 0 else { throw ScriptFailed(arguments: arguments, status: status) }
        return try String(contentsOf: printed, encoding: .utf8).trimmingCharacters(in: .newlines)
    }

    private struct ScriptFailed: Error {
        let arguments: [String]
        let status: Int32
    }
}

/// Calls `body` with a server of its own.
/// - Parameter options: Settings of the server, `name=value`.
package func withPrivateServer(
    _ options: [String] = ["fsync=off"], _ body: @Sendable (PrivateServer) async throws -> Void
) async throws {
    let folder = "/tmp/holdfast-private.\(UUID().uuidString.prefix(8))"
    let server = try await PrivateServer(folder: folder, options: options)
    let result: Swift.Result<Void, any Error>
    do {
        try await server.migrate()
        result = .success(try await body(server))
    } catch {
        result = .failure(error)
    }
    try await server.remove()
    try result.get()
}
