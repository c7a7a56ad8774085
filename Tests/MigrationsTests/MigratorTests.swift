import Foundation
import Postgres
import PostgresTesting
import Testing

@testable import Migrations

@Suite("Migrations")
struct MigratorTests {
    @Test("a file's up part is what stands between the two marks")
    func format() throws {
        let file = try MigrationFile(
            name: "0007_x.sql",
            text: "-- first\n-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 2;\n")
        #expect(file.version == "0007")
        #expect(file.up == "SELECT 1;")
    }

    @Test(
        "a file that cannot be understood is named",
        arguments: [
            ("x.sql", "-- migrate:up\n"), ("1.sql", "SELECT 1"),
            ("1.sql", "-- migrate:down\n-- migrate:up\n"),
        ])
    func unreadable(name: String, text: String) throws {
        let error = #expect(throws: MigrationError.self) {
            try MigrationFile(name: name, text: text)
        }
        #expect(error?.description.contains(name) == true)
    }

    @Test("the project's own apply to an empty database, once, by two migrators at once")
    func twoAtOnce() async throws {
        try await withTestDatabase { db in
            try await db.owner.transaction { tx in
                try tx.execute("DROP SCHEMA public CASCADE")
                try tx.execute("CREATE SCHEMA public")
            }
            let migrator = try Migrator(
                database: db.owner, directory: TestServer.shared.migrations)
            #expect(try await migrator.status().allSatisfy { !$0.isApplied })
            let applied = RunCounter()
            async let one: Void = migrator.up { _, _ in applied.begin() }
            async let other: Void = migrator.up { _, _ in applied.begin() }
            try await one
            try await other
            #expect(applied.count == migrator.files.count)
            #expect(try await migrator.status().allSatisfy(\.isApplied))
        }
    }

    @Test("a file that fails leaves nothing of itself behind, and is named")
    func failing() async throws {
        try await withTestDatabase { db in
            let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            let files = [
                "9001_good.sql": "-- migrate:up\nCREATE TABLE good (id int);",
                "9002_bad.sql": "-- migrate:up\nCREATE TABLE bad (id int); SELECT nonsense;",
            ]
            for (name, text) in files {
                try text.write(
                    to: folder.appending(path: name), atomically: true, encoding: .utf8)
            }
            let migrator = try Migrator(
                database: db.owner, directory: folder.path(percentEncoded: false))
            let error = await #expect(throws: MigrationError.self) { try await migrator.up() }
            #expect(error?.description.contains("9002_bad.sql") == true)
            #expect(error?.description.contains("nonsense") == true)
            #expect(try await migrator.status().map(\.isApplied) == [true, false])
            let tables = try await db.owner.read { tx in
                tx.pipeline.all(
                    Scalar<String>.self,
                    "SELECT relname FROM pg_class WHERE relname IN ('good', 'bad')")
            }
            #expect(tables.map(\.value) == ["good"])
        }
    }

    @Test("the service's role may not touch the journal's past, nor the schema")
    func role() async throws {
        try await withTestDatabase { db in
            for sql: SQL in [
                "UPDATE journal SET actor = 'somebody else'", "DELETE FROM journal",
                "DELETE FROM appointments", "CREATE TABLE mine (id int)", "DROP TABLE markers",
                "INSERT INTO schema_migrations VALUES ('9')",
            ] {
                let error = await #expect(throws: PostgresError.self) {
                    try await db.service.transaction { tx in try tx.execute(sql) }
                }
                #expect(error?.sqlState == .insufficientPrivilege)
            }
        }
    }
}
