import Foundation
import Migrations
import Postgres

/// Makes the tests' databases: copies of one that is migrated once for each run.
///
/// Not on Citus, whose daemon has a session on each database that it is in: one with sessions cannot be copied.
/// There each is migrated and distributed anew.
actor Template {
    static let shared = Template()

    private var making: Task<String, any Error>?

    /// Makes a migrated database of that name.
    func clone(to name: String) async throws {
        let server = TestServer.shared
        // On Citus it is not copied, but the first: what belongs to the whole server is made with it, once.
        let template = try await template()
        guard !server.isCitus else {
            try await server.administer("CREATE DATABASE \(name)")
            return try await Self.migrate(name)
        }
        try await server.administer("CREATE DATABASE \(name) TEMPLATE \(template)")
    }

    /// The template's name; made on first use.
    private func template() async throws -> String {
        if let making { return try await making.value }
        let task = Task { try await Self.make() }
        making = task
        return try await task.value
    }

    private static func make() async throws -> String {
        let server = TestServer.shared
        let name = "holdfast_template_\(ProcessInfo.processInfo.processIdentifier)"
        try await server.administer("DROP DATABASE IF EXISTS \(name)")
        try await server.administer("CREATE DATABASE \(name)")
        try await migrate(name)
        return name
    }

    private static func migrate(_ name: String) async throws {
        let server = TestServer.shared
        let database = Database(.owner(of: server.url(ofDatabase: name)))
        do {
            try await Migrator(database: database, directory: server.migrations).up()
        } catch {
            await database.close()
            throw error
        }
        // A template with a session on it cannot be copied.
        await database.close()
        if server.isCitus { try await server.distribute(name) }
    }
}

extension DatabaseConfiguration {
    /// Connections as the role that owns the schema, with all the time that a test's part may take.
    static func owner(of url: String) -> DatabaseConfiguration {
        var configuration = DatabaseConfiguration(url: url)
        configuration.poolSize = 4
        configuration.idleInTransactionTimeout = .seconds(120)
        configuration.statementTimeout = .seconds(120)
        configuration.leaseTimeout = .seconds(120)
        configuration.deadline = .seconds(240)
        return configuration
    }

    /// Connections as the service makes them.
    static func service(of url: String) -> DatabaseConfiguration {
        var configuration = DatabaseConfiguration(url: url, role: "holdfast_service")
        configuration.poolSize = 8
        return configuration
    }
}
