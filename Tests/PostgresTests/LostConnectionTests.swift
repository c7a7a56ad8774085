import Postgres
import PostgresTesting
import Testing

@Suite("A lost connection is replaced")
struct LostConnectionTests {
    @Test("while it was idle: the caller does not notice")
    func whileIdle() async throws {
        try await withNotes { db in
            try await db.service.transaction { tx in try tx.execute("SELECT 1") }
            try await Sessions(of: db).terminate(.open)
            let runs = RunCounter()
            try await db.service.transaction { tx in
                runs.begin()
                try tx.execute("INSERT INTO notes VALUES (1)")
            }
            #expect(runs.count == 1)
            #expect(try await notes(in: db) == [1])
        }
    }

    @Test("in mid-transaction: the body runs again, on a new connection, and commits once")
    func inTransaction() async throws {
        try await withNotes { db in
            let runs = RunCounter()
            try await db.service.transaction { tx in
                try tx.execute("INSERT INTO notes VALUES (1)")
                if runs.begin() == 1 { block { try? await Sessions(of: db).terminate(.open) } }
                try tx.execute("INSERT INTO notes VALUES (2)")
            }
            #expect(runs.count == 2)
            #expect(try await notes(in: db) == [1, 2])
        }
    }

    @Test("between lock and COMMIT: not in doubt, because COMMIT was never sent; it is tried again")
    func beforeCommit() async throws {
        try await withNotes { db in
            let runs = RunCounter()
            try await db.service.transaction { tx in
                try tx.execute("INSERT INTO notes VALUES (1)")
                if runs.begin() == 1 { block { try? await Sessions(of: db).terminate(.open) } }
            }
            #expect(runs.count == 2)
            #expect(try await notes(in: db) == [1])
        }
    }

    @Test("in mid-pipeline: nothing of it stays, and it runs again on a new connection")
    func inPipeline() async throws {
        try await withNotes { db in
            let runs = RunCounter()
            try await withRowLocked(in: db) {
                let writing = Task {
                    try await db.service.transaction { tx in
                        runs.begin()
                        let inserted = tx.pipeline.execute("INSERT INTO notes VALUES (2)")
                        tx.pipeline.execute("SELECT FROM notes WHERE id = 1 FOR UPDATE")
                        tx.pipeline.execute("INSERT INTO notes VALUES (3)")
                        _ = try inserted.get()
                    }
                }
                try await Sessions(of: db).wait(until: .blocked)
                try await Sessions(of: db).terminate(.blocked)
                try await Sessions(of: db).wait(until: .blocked)
                #expect(runs.count == 2)
                writing.cancel()
                await #expect(throws: CancellationError.self) { try await writing.value }
            }
            #expect(try await notes(in: db) == [1])
        }
    }

    @Test("by a restart of the server: the next caller does not notice")
    func serverRestarted() async throws {
        try await withPrivateServer { server in
            let service = server.database.service
            try await service.transaction { tx in try tx.execute("SELECT 1") }
            try await server.restart()
            let runs = RunCounter()
            try await service.transaction { tx in
                runs.begin()
                try tx.execute("SELECT 1")
            }
            #expect(runs.count == 1)
            try await server.kill()
            let error = await #expect(throws: PostgresError.self) {
                try await service.transaction { tx in try tx.execute("SELECT 1") }
            }
            #expect(error?.kind == .connectFailed)
            try await server.start()
            try await service.transaction { tx in try tx.execute("SELECT 1") }
        }
    }

    @Test("before a rollback: the first error wins, and the connection is not used again")
    func beforeRollback() async throws {
        try await withNotes { db in
            let single = db.service { $0.poolSize = 1 }
            @Sendable func backend() async throws -> Int {
                try await single.read { tx in
                    tx.pipeline.one(Scalar<Int>.self, "SELECT pg_backend_pid()")
                }.value
            }
            let before = try await backend()
            await #expect(throws: Refusal.self) {
                try await single.transaction { tx in
                    try tx.execute("INSERT INTO notes VALUES (1)")
                    block { try? await Sessions(of: db).terminate(.open) }
                    throw Refusal()
                }
            }
            #expect(try await backend() != before)
            let written = try await notes(in: db)
            #expect(written.isEmpty)
            await single.close()
        }
    }

    @Test("in the one round trip of a read: it is tried again")
    func whileReading() async throws {
        try await withNotes { db in
            try await withRowLocked(in: db, wholeTable: true) {
                let reading = Task {
                    try await db.service.read { tx in
                        tx.pipeline.all(Scalar<Int>.self, "SELECT id FROM notes")
                    }
                }
                try await Sessions(of: db).wait(until: .blocked)
                try await Sessions(of: db).terminate(.blocked)
                try await Sessions(of: db).wait(until: .blocked)
                reading.cancel()
                await #expect(throws: CancellationError.self) { try await reading.value }
            }
        }
    }

    @Test("a URL that libpq cannot read: an error that quotes no part of it")
    func unreadableURL() async throws {
        for url in ["postgresql://u:p%zzsecret@h/d", "postgresql://u:se/cret@h/d"] {
            let error = await #expect(throws: PostgresError.self) {
                try await Database(DatabaseConfiguration(url: url)).transaction { tx in
                    try tx.execute("SELECT 1")
                }
            }
            #expect(error?.kind == .connectFailed)
            #expect(error?.message?.contains("percent-encoded") == true)
            #expect(error?.description.contains("zz") == false)
            #expect(error?.description.contains("\"se\"") == false)
        }
    }

    @Test("a role that is not there: an error that says what to look at")
    func noRole() async throws {
        try await withTestDatabase { db in
            let nobody = db.service { $0.role = "nobody_here" }
            let error = await #expect(throws: PostgresError.self) {
                try await nobody.transaction { tx in try tx.execute("SELECT 1") }
            }
            #expect(error?.kind == .connectFailed)
            #expect(error?.message?.contains("does the role nobody_here exist") == true)
        }
    }

    @Test("nobody listens there: a clear error that names no password")
    func nobodyThere() async throws {
        let database = Database(
            DatabaseConfiguration(url: "postgresql://u:hunter2@127.0.0.1:1/x"))
        let error = await #expect(throws: PostgresError.self) {
            try await database.transaction { tx in try tx.execute("SELECT 1") }
        }
        #expect(error?.kind == .connectFailed)
        #expect(error?.description.contains("Connection refused") == true)
        #expect(error?.description.contains("hunter2") == false)
    }
}
