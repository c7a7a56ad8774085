import Foundation
import Migrations
import Postgres

/// A database of its own for one test, migrated.
package struct TestDatabase: Sendable {
    /// The database's URI, as the schema's owner.
    package let url: String
    /// As the schema's owner: for preparing what the service may not do itself.
    package let owner: Database
    /// As the service, with its role and its limits.
    package let service: Database

    init(url: String) {
        self.url = url
        owner = Database(.owner(of: url))
        service = Database(.service(of: url))
    }

    /// Another pool on the same database, as the service, with other limits.
    package func service(
        _ change: (inout DatabaseConfiguration) -> Void
    ) -> Database {
        var configuration = DatabaseConfiguration.service(of: url)
        change(&configuration)
        return Database(configuration)
    }

    /// Calls `body` with such a pool, and closes it behind that.
    package func withService<Result>(
        _ change: (inout DatabaseConfiguration) -> Void, _ body: (Database) async throws -> Result
    ) async throws -> Result {
        let pool = service(change)
        do {
            let result = try await body(pool)
            await pool.close()
            return result
        } catch {
            await pool.close()
            throw error
        }
    }

    func close() async {
        await owner.close()
        await service.close()
    }
}

/// Calls `body` with a database that exists for this call only. At most a few exist at once.
package func withTestDatabase<Result: Sendable>(
    _ body: @Sendable (TestDatabase) async throws -> Result
) async throws -> Result {
    try await few.perform { try await withFreshDatabase(body) }
}

private func withFreshDatabase<Result: Sendable>(
    _ body: @Sendable (TestDatabase) async throws -> Result
) async throws -> Result {
    let server = TestServer.shared
    let name = "test_" + UUID().uuidString.lowercased().replacing("-", with: "")
    try await Template.shared.clone(to: name)
    let database = TestDatabase(url: server.url(ofDatabase: name))
    let result: Swift.Result<Result, any Error>
    do {
        result = .success(try await body(database))
    } catch {
        result = .failure(error)
    }
    await database.close()
    try await server.administer("DROP DATABASE \(name) WITH (FORCE)")
    return try result.get()
}
