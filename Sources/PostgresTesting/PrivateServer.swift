import Foundation
import Migrations
import Postgres
import Subprocess
import SystemPackage

/// A PostgreSQL server for one test, which may do to it what others would not survive.
package struct PrivateServer: Sendable {
    /// A migrated database on it.
    package let database: TestDatabase
    package let folder: String
    private let options: [String]

    fileprivate init(folder: String, options: [String]) async throws {
        self.folder = folder
        self.options = options
        database = TestDatabase(url: try await Self.script(["start", folder] + options))
    }

    fileprivate func migrate() async throws {
        try await Migrator(
            database: database.owner, directory: TestServer.shared.migrations
        ).up()
    }

    /// Starts it again after ``kill()``; returns once it accepts connections.
    package func start() async throws { _ = try await Self.script(["start", folder] + options) }

    /// Stops it as an administrator would, and starts it again.
    package func restart() async throws {
        _ = try await Self.script(["restart", folder] + options)
    }

    /// Ends all its processes at once, as a power cut would.
    package func kill() async throws { _ = try await Self.script(["kill", folder]) }

    /// Stops it without a goodbye to anybody, as an administrator in a hurry would.
    package func stopAtOnce() async throws { _ = try await Self.script(["abort", folder]) }

    /// Has every commit wait for a synchronous standby, which is not there.
    package func loseStandby() async throws {
        try await configure("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        let impatient = database.service { $0.deadline = .milliseconds(200) }
        // In force once a commit waits for it.
        while try await Sessions(of: database).count(.waitingForStandby) == 0 {
            do {
                try await impatient.transaction { tx in
                    try tx.execute(
                        """
                        INSERT INTO markers (clinic_id, id)
                        VALUES (gen_random_uuid(), gen_random_uuid())
                        """)
                }
            } catch is PostgresError {
                // That one, most likely; or a slow machine, and the next one tells.
            }
        }
        await impatient.close()
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
        _ = try await Self.script(["remove", folder])
    }

    /// Runs the script that `make test` and `make run` use, too.
    /// - Returns: What it printed.
    static func script(_ arguments: [String]) async throws -> String {
        let result = try await run(
            .path(FilePath(TestServer.project("scripts/postgres"))),
            arguments: Arguments(arguments), output: .string(limit: 65_536))
        guard result.terminationStatus.isSuccess else { throw ScriptFailed(arguments: arguments) }
        return result.standardOutput.trimmingCharacters(in: .newlines)
    }

    private struct ScriptFailed: Error {
        let arguments: [String]
    }
}

/// Calls `body` with a server of its own.
/// - Parameter options: Settings of the server, `name=value`.
package func withPrivateServer<Result: Sendable>(
    _ options: [String] = ["fsync=off"], _ body: @Sendable (PrivateServer) async throws -> Result
) async throws -> Result {
    try await few.perform { try await withFreshServer(options, body) }
}

private func withFreshServer<Result: Sendable>(
    _ options: [String], _ body: @Sendable (PrivateServer) async throws -> Result
) async throws -> Result {
    let folder = "\(TestServer.shared.folder).\(UUID().uuidString.prefix(8))"
    let server = try await PrivateServer(folder: folder, options: options)
    let result: Swift.Result<Result, any Error>
    do {
        try await server.migrate()
        result = .success(try await body(server))
    } catch {
        result = .failure(error)
    }
    try await server.remove()
    return try result.get()
}
