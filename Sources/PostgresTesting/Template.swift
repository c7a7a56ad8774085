import Foundation
import Migrations
import Postgres

/// A database that is migrated once for each test run; the tests' databases are copies of it.
actor Template {
    static let shared = Template()

    private var making: Task<String, any Error>?

    /// The template's name; made on first use.
    func name() async throws -> String {
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
        let database = Database(.owner(of: server.url(ofDatabase: name)))
        try await Migrator(database: database, directory: server.migrations).up()
        // A template with a session on it cannot be copied.
        await database.close()
        return name
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
