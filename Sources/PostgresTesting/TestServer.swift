import Foundation
import Migrations
import Postgres
import Subprocess

/// The PostgreSQL server that tests run on: real, and nobody else's.
package struct TestServer: Sendable {
    /// A libpq URI whose user may create databases and roles.
    package let url: String
    /// Whether it is the coordinator of a Citus cluster, and its databases are distributed by clinic.
    package let isCitus: Bool
    /// Servers that a test starts for itself get folders beside it, of longer names.
    package let folder: String
    /// The project's migrations.
    package let migrations: String

    /// The server that `HOLDFAST_TEST_CITUS_URL` names, or else `HOLDFAST_TEST_SERVER`, as `make test` sets it.
    package static let shared = TestServer()

    private init() {
        let environment = ProcessInfo.processInfo.environment
        let citus = environment["HOLDFAST_TEST_CITUS_URL"].flatMap { $0.isEmpty ? nil : $0 }
        isCitus = citus != nil
        // Nothing to throw to: no test can do without, and each would say the same.
        guard let url = citus ?? environment["HOLDFAST_TEST_SERVER"] else {
            fatalError(
                """
                HOLDFAST_TEST_SERVER is not set. Run 'make test', which starts a PostgreSQL of its \
                own, or set it to the URI of a server whose user may create databases and roles.
                """)
        }
        self.url = url
        folder =
            environment["HOLDFAST_TEST_FOLDER"] ?? "/tmp/holdfast-private"
        migrations = Self.project("migrations")
    }

    /// Where a file of the project is.
    package static func project(_ path: String) -> String {
        URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../\(path)").standardized.path(percentEncoded: false)
    }

    /// The URI of one database of the server.
    package func url(ofDatabase name: String) -> String {
        guard var components = URLComponents(string: url) else {
            // Nothing to throw to, likewise: the setting is wrong, for every test.
            fatalError(
                """
                HOLDFAST_TEST_SERVER, or HOLDFAST_TEST_CITUS_URL where that is set, is not a URI: \
                postgresql://user@host:port/database
                """)
        }
        components.path = "/" + name
        return components.string ?? url
    }

    /// Runs a statement about databases, which PostgreSQL wants outside transactions.
    func administer(_ statement: String) async throws {
        var configuration = DatabaseConfiguration(url: url)
        configuration.poolSize = 1
        configuration.statementTimeout = .seconds(60)
        configuration.deadline = .seconds(120)
        let database = Database(configuration)
        defer { Task { await database.close() } }
        try await database.withSession { try $0.executeUncheckedScript(statement) }
    }

    /// Spreads a database's tables by clinic, over few shards: each costs time.
    /// - Throws: ``DistributionFailed``.
    func distribute(_ name: String) async throws {
        let result = try await run(
            .name("psql"),
            arguments: [
                "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--set=shards=4",
                "--file=\(Self.project("deploy/citus.sql"))", url(ofDatabase: name),
            ], output: .discarded, error: .string(limit: 65_536))
        guard result.terminationStatus.isSuccess else {
            throw DistributionFailed(complaint: result.standardError)
        }
    }

    /// `deploy/citus.sql` failed.
    struct DistributionFailed: Error {
        /// What `psql` said.
        let complaint: String
    }
}
