import Dispatch
import Foundation
import Postgres
import PostgresTesting
import Synchronization
import Testing

@testable import Migrations

@Suite("Migrations")
struct MigratorTests {
    @Test("a file's parts are what stands behind its marks")
    func format() throws {
        let file = try MigrationFile(
            name: "0007_x.sql",
            text: """
                -- first
                -- migrate:up transaction:false
                SELECT 1;
                -- migrate:down
                SELECT 2;
                """)
        #expect(file.version == "0007")
        #expect(file.up == .init(statements: "SELECT 1;", isTransactional: false))
        #expect(file.down == .init(statements: "SELECT 2;", isTransactional: true))
    }

    @Test("a file that ends its lines as Windows does has the same parts")
    func windows() throws {
        let file = try MigrationFile(
            name: "1.sql",
            text: "-- migrate:up\r\nSELECT 1;\r\n-- migrate:down\r\nSELECT 2;\r\n")
        #expect(file.up.statements == "SELECT 1;")
        #expect(file.down?.statements == "SELECT 2;\n")
    }

    @Test("a file that dbmate reverted may change before it is applied again")
    func revertedByDbmate() async throws {
        try await withEmptyDatabase { db in
            try await migrator(db, ["1_a.sql": "-- migrate:up\nCREATE TABLE a (id int);"]).up()
            try await db.owner.transaction { tx in
                try tx.execute("DROP TABLE a")
                try tx.execute("DELETE FROM schema_migrations")
            }
            let changed = try migrator(
                db, ["1_a.sql": "-- migrate:up\nCREATE TABLE a (id bigint);"])
            try await changed.up()
            try await changed.verify()
            #expect(try await tables(in: db) == ["a"])
        }
    }

    @Test(
        "a file that cannot be understood is named",
        arguments: [
            ("x.sql", "-- migrate:up\nSELECT 1;"), ("1.sql", "SELECT 1"),
            ("1.sql", "-- migrate:up\n\n-- migrate:down\nSELECT 1;"),
            ("1.sql", "-- migrate:down\n-- migrate:up\n"),
        ])
    func unreadable(name: String, text: String) throws {
        let error = #expect(throws: MigrationError.self) {
            try MigrationFile(name: name, text: text)
        }
        #expect(error?.description.contains(name) == true)
    }

    @Test("the project's own: applied once by two migrators at once, ten times; reverted; applied")
    func twoAtOnce() async throws {
        try await withEmptyDatabase { db in
            let migrator = try Migrator(database: db.owner, directory: TestServer.shared.migrations)
            for _ in 1...10 {
                #expect(try await migrator.status().allSatisfy { !$0.isApplied })
                let applied = RunCounter()
                async let one = migrator.up { _ in applied.begin() }
                async let other = migrator.up { _ in applied.begin() }
                #expect(try await one + other == migrator.files.count)
                #expect(applied.count == migrator.files.count)
                #expect(try await migrator.status().allSatisfy(\.isApplied))
                try await migrator.verify()
                for _ in migrator.files { try await migrator.down() }
            }
            let error = await #expect(throws: MigrationError.self) { try await migrator.down() }
            #expect(error?.description.contains("none to revert") == true)
        }
    }

    @Test("a file that fails leaves nothing of itself behind, and is named")
    func failing() async throws {
        try await withEmptyDatabase { db in
            let migrator = try migrator(
                db,
                [
                    "1_good.sql": "-- migrate:up\nCREATE TABLE good (id int);",
                    "2_bad.sql": "-- migrate:up\nCREATE TABLE bad (id int); SELECT nonsense;",
                ])
            let error = await #expect(throws: MigrationError.self) { try await migrator.up() }
            #expect(error?.description.contains("2_bad.sql") == true)
            #expect(error?.description.contains("nonsense") == true)
            #expect(try await migrator.status().map(\.isApplied) == [true, false])
            #expect(try await tables(in: db) == ["good"])
        }
    }

    @Test("a file that changed after it had been applied is an error that names it")
    func drift() async throws {
        try await withEmptyDatabase { db in
            try await migrator(db, ["1_a.sql": "-- migrate:up\nCREATE TABLE a (id int);"]).up()
            let changed = try migrator(
                db,
                [
                    "1_a.sql": "-- migrate:up\nCREATE TABLE a (id bigint);",
                    "2_b.sql": "-- migrate:up\nCREATE TABLE b (id int);",
                ])
            for attempt in [
                changed.verify, { try await changed.up() }, { try await changed.down() },
            ] {
                let error = await #expect(throws: MigrationError.self) { try await attempt() }
                #expect(error?.description.contains("1_a.sql was changed") == true)
            }
            #expect(try await changed.status().map(\.hasDrifted) == [true, false])
            #expect(try await tables(in: db) == ["a"])
        }
    }

    @Test("what dbmate applied counts as applied, and is guarded from then on")
    func adopted() async throws {
        try await withEmptyDatabase { db in
            // What dbmate leaves behind.
            try await db.owner.transaction { tx in
                try tx.execute(
                    "CREATE TABLE schema_migrations (version character varying PRIMARY KEY)")
                try tx.execute("INSERT INTO schema_migrations VALUES ('1')")
                try tx.execute("CREATE TABLE a (id int)")
            }
            let file = "-- migrate:up\nCREATE TABLE a (id int);"
            let migrator = try migrator(db, ["1_a.sql": file])
            #expect(try await migrator.status().map(\.isApplied) == [true])
            try await migrator.up { _ in Issue.record("there was nothing to apply") }
            let changed = try self.migrator(db, ["1_a.sql": file + "\n-- an afterthought"])
            await #expect(throws: MigrationError.self) { try await changed.verify() }
        }
    }

    @Test("a version without a file is found by verify")
    func unknown() async throws {
        try await withEmptyDatabase { db in
            try await migrator(
                db,
                ["1_a.sql": "-- migrate:up\nSELECT 1;", "2_b.sql": "-- migrate:up\nSELECT 2;"]
            ).up()
            let older = try migrator(db, ["1_a.sql": "-- migrate:up\nSELECT 1;"])
            let error = await #expect(throws: MigrationError.self) { try await older.verify() }
            #expect(error?.description.contains("Migration 2 is applied") == true)
        }
    }

    @Test("a dry run says what it would do and leaves an empty database empty")
    func dryRun() async throws {
        try await withEmptyDatabase { db in
            let migrator = try Migrator(database: db.owner, directory: TestServer.shared.migrations)
            let steps = Mutex<[String]>([])
            try await migrator.up(isDryRun: true) { step in
                #expect(step.duration == nil)
                steps.withLock { $0.append(step.file.name) }
            }
            #expect(steps.withLock(\.self) == migrator.files.map(\.name))
            #expect(try await tables(in: db).isEmpty)
        }
    }

    @Test("an index is made concurrently, outside a transaction, and reverted likewise")
    func outsideTransaction() async throws {
        try await withEmptyDatabase { db in
            let migrator = try migrator(
                db,
                [
                    "1_a.sql": "-- migrate:up\nCREATE TABLE a (id int);",
                    "2_index.sql": """
                    -- migrate:up transaction:false
                    CREATE INDEX CONCURRENTLY a_by_id ON a (id);
                    -- migrate:down transaction:false
                    DROP INDEX CONCURRENTLY a_by_id;
                    """,
                ])
            try await migrator.up()
            #expect(try await tables(in: db) == ["a", "a_by_id"])
            try await migrator.down()
            #expect(try await tables(in: db) == ["a"])
            #expect(try await migrator.status().map(\.isApplied) == [true, false])
            let error = await #expect(throws: MigrationError.self) { try await migrator.down() }
            #expect(error?.description.contains("1_a.sql has no") == true)
        }
    }

    @Test("a migrator killed half way: its file is undone, its lock is free, the next one finishes")
    func killed() async throws {
        try await withEmptyDatabase { db in
            let migrator = try migrator(
                db,
                [
                    "1_a.sql": "-- migrate:up\nCREATE TABLE a (id int);",
                    "2_b.sql": "-- migrate:up\nCREATE TABLE b (id int); LOCK TABLE in_use;",
                ])
            try await db.owner.transaction { tx in try tx.execute("CREATE TABLE in_use (id int)") }
            try await holding("LOCK TABLE in_use", in: db) { _ in
                let running = Task { try await migrator.up() }
                try await Sessions(of: db).wait(until: .blocked)
                try await Sessions(of: db).terminate(.blocked)
                await #expect(throws: MigrationError.self) { try await running.value }
            }
            #expect(try await migrator.status().map(\.isApplied) == [true, false])
            try await migrator.up()
            #expect(try await tables(in: db) == ["a", "b", "in_use"])
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

    /// A migrator of files made up for a test.
    private func migrator(_ db: TestDatabase, _ files: [String: String]) throws -> Migrator {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, text) in files {
            try text.write(to: folder.appending(path: name), atomically: true, encoding: .utf8)
        }
        return try Migrator(database: db.owner, directory: folder.path(percentEncoded: false))
    }

    /// The tables and indexes that migrations made, in the order of their names.
    private func tables(in db: TestDatabase) async throws -> [String] {
        try await db.owner.read { tx in
            tx.pipeline.all(
                Scalar<String>.self,
                """
                SELECT relname
                FROM pg_class
                WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE 'schema%'
                ORDER BY relname
                """)
        }.map(\.value)
    }

    /// Calls `body` with a database that no migration has touched.
    private func withEmptyDatabase(
        _ body: @Sendable (TestDatabase) async throws -> Void
    ) async throws {
        try await withTestDatabase { db in
            try await db.owner.transaction { tx in
                try tx.execute("DROP SCHEMA public CASCADE")
                try tx.execute("CREATE SCHEMA public")
            }
            try await body(db)
        }
    }
}
