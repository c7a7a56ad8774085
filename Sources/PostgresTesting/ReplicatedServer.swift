import Foundation
import Migrations
import Postgres
import Synchronization

/// A primary and its synchronous standby, which may be killed, promoted and made anew.
package final class ReplicatedServer: Sendable {
    /// A migrated database, whose URI names both servers.
    package let database: TestDatabase
    private let folders: [String]
    /// Which of the two is the primary.
    private let primary = Mutex(0)

    private static let options = ["fsync=on", "synchronous_commit=on", "wal_keep_size=512MB"]

    fileprivate init(folders: [String]) async throws {
        self.folders = folders
        let first = try await PrivateServer.script(["start", folders[0]] + Self.options)
        let second: String
        do {
            second = try await PrivateServer.script(
                ["standby", folders[1], folders[0], "standby"] + Self.options)
        } catch {
            for folder in folders { _ = try await PrivateServer.script(["remove", folder]) }
            throw error
        }
        database = TestDatabase(url: Self.url(first, second))
    }

    /// Migrates, and has every commit wait for the standby from then on.
    fileprivate func begin() async throws {
        try await Migrator(
            database: database.owner, directory: TestServer.shared.migrations
        ).up()
        try await awaitStandby()
    }

    /// Ends all of the primary's processes at once, as a power cut would.
    /// - Throws: ``StandbyIsAway`` if its commits do not wait for the standby: it would prove nothing.
    package func killPrimary() async throws {
        guard try await Sessions(of: database).isReplicated else { throw StandbyIsAway() }
        _ = try await PrivateServer.script(["kill", folder(ofPrimary: true)])
    }

    /// The primary commits by itself.
    package struct StandbyIsAway: Error {}

    /// Makes the standby the primary. It takes writes as soon as this returns, and waits for no standby.
    package func promoteStandby() async throws {
        _ = try await PrivateServer.script(["promote", folder(ofPrimary: false)])
        primary.withLock { $0 = 1 - $0 }
    }

    /// Makes the server that is not the primary anew, as its standby; every commit waits for it from then on.
    package func replaceStandby() async throws {
        _ = try await PrivateServer.script(
            [
                "standby", folder(ofPrimary: false), folder(ofPrimary: true), "standby",
            ] + Self.options)
        try await awaitStandby()
    }

    /// Stops the standby; commits wait for it.
    package func stopStandby() async throws {
        _ = try await PrivateServer.script(["abort", folder(ofPrimary: false)])
    }

    /// Starts the standby again.
    package func startStandby() async throws {
        _ = try await PrivateServer.script(["start", folder(ofPrimary: false)] + Self.options)
    }

    private func folder(ofPrimary isPrimary: Bool) -> String {
        primary.withLock { folders[isPrimary ? $0 : 1 - $0] }
    }

    /// Returns once the primary commits nothing without its standby.
    private func awaitStandby() async throws {
        try await database.owner.withSession { session in
            try session.executeUncheckedScript(
                "ALTER SYSTEM SET synchronous_standby_names = 'standby'")
            try session.executeUncheckedScript("SELECT pg_reload_conf()")
        }
        try await Sessions(of: database).waitUntilReplicated()
    }

    fileprivate func remove() async throws {
        await database.close()
        for folder in folders { _ = try await PrivateServer.script(["remove", folder]) }
    }

    /// A URI with the hosts of two that differ in nothing else.
    private static func url(_ first: String, _ second: String) -> String {
        func host(_ url: String) -> Substring {
            url.split(separator: "host=").last?.split(separator: "&").first ?? ""
        }
        return first.replacing(host(first), with: "\(host(first)),\(host(second))")
    }
}

/// Calls `body` with two servers of its own.
package func withReplicatedServer<Result: Sendable>(
    _ body: @Sendable (ReplicatedServer) async throws -> Result
) async throws -> Result {
    try await few.perform {
        let name = "\(TestServer.shared.folder).\(UUID().uuidString.prefix(8))"
        let server = try await ReplicatedServer(folders: ["\(name).a", "\(name).b"])
        let result: Swift.Result<Result, any Error>
        do {
            try await server.begin()
            result = .success(try await body(server))
        } catch {
            result = .failure(error)
        }
        try await server.remove()
        return try result.get()
    }
}
