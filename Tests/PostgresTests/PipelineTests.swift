import Postgres
import PostgresTesting
import Testing

@Suite("A pipeline is one round trip")
struct PipelineTests {
    @Test("lock, decide, write: two round trips, BEGIN and COMMIT included")
    func roundTrips() async throws {
        try await withNotes { db in
            try await withFaultProxy(to: db) { proxy in
                var configuration = DatabaseConfiguration(url: proxy.url)
                configuration.poolSize = 1
                let database = Database(configuration)
                for id in 1...3 {
                    let before = proxy.roundTrips
                    try await database.transaction { tx in
                        tx.pipeline.execute("INSERT INTO notes VALUES (\(id * 10))")
                        try tx.execute("SELECT FROM notes WHERE id = \(id) FOR UPDATE")
                        tx.pipeline.execute("INSERT INTO notes VALUES (\(id))")
                        tx.pipeline.execute("UPDATE notes SET id = id WHERE id = \(id)")
                    }
                    // The first transaction also finds the connection.
                    if id > 1 { #expect(proxy.roundTrips - before == 2) }
                }
                #expect(try await notes(in: db) == [1, 2, 3, 10, 20, 30])
                await database.close()
            }
        }
    }

    @Test(
        "behind an error nothing runs until the sync; the transaction rolls back, the session stays"
    )
    func error() async throws {
        try await withNotes { db in
            let single = db.service { $0.poolSize = 1 }
            let error = await #expect(throws: PostgresError.self) {
                try await single.transaction { tx in
                    tx.pipeline.execute("INSERT INTO notes VALUES (1)")
                    let divided = tx.pipeline.execute("SELECT 1 / \(0)")
                    let skipped = tx.pipeline.execute("INSERT INTO notes VALUES (2)")
                    #expect(throws: PostgresError.self) { try divided.get() }
                    // Skipped, so it has no answer but the error before it.
                    #expect(throws: PostgresError.self) { try skipped.get() }
                }
            }
            #expect(error?.sqlState?.rawValue == "22012")
            let written = try await notes(in: db)
            #expect(written.isEmpty)
            #expect(try await Sessions(of: db).count(.open) == 1)
            try await single.transaction { tx in try tx.execute("INSERT INTO notes VALUES (3)") }
            #expect(try await Sessions(of: db).count(.open) == 1)
            await single.close()
        }
    }

    @Test("larger than both sides' socket buffers: no side waits for the other for ever")
    func largerThanBuffers() async throws {
        try await withTestDatabase { db in
            let text = String(repeating: "x", count: 1 << 20)
            let lengths = try await db.service.read { tx in
                let echoes = (0..<32).map { _ in
                    tx.pipeline.one(Scalar<String>.self, "SELECT \(text)")
                }
                return Pending { try echoes.map { try $0.get().value.utf8.count } }
            }
            #expect(lengths == Array(repeating: 1 << 20, count: 32))
        }
    }
}

@Suite("A prepared statement that went stale is prepared again, once")
struct PreparedStatementTests {
    @Test("a column was added to the table whose rows it reads whole")
    func changedColumns() async throws {
        try await withNotes { db in
            let single = db.service { $0.poolSize = 1 }
            let runs = RunCounter()
            @Sendable func read() async throws -> Int {
                try await single.transaction { tx in
                    runs.begin()
                    return try tx.one(Scalar<Int>.self, "SELECT * FROM notes").value
                }
            }
            try await db.owner.transaction { tx in try tx.execute("INSERT INTO notes VALUES (7)") }
            #expect(try await read() == 7)
            try await db.owner.transaction { tx in
                try tx.execute("ALTER TABLE notes ADD COLUMN text text")
            }
            #expect(try await read() == 7)
            #expect(try await read() == 7)
            #expect(runs.count == 4)
            #expect(try await Sessions(of: db).count(.open) == 1)
            await single.close()
        }
    }

    @Test("somebody deallocated it")
    func deallocated() async throws {
        try await withTestDatabase { db in
            let single = db.service { $0.poolSize = 1 }
            let runs = RunCounter()
            for _ in 1...3 {
                try await single.transaction { tx in
                    runs.begin()
                    try tx.execute("SELECT \(1) + 1")
                    tx.pipeline.execute("DEALLOCATE ALL")
                }
            }
            // The second and the third find it gone, and DEALLOCATE itself, too.
            #expect(runs.count == 5)
            #expect(try await Sessions(of: db).count(.open) == 1)
            await single.close()
        }
    }

    @Test("it is planned once, but on Citus for each value, which has no plan for whatever comes")
    func plansOnce() async throws {
        try await withTestDatabase { db in
            func mode() async throws -> String {
                try await db.withService({ $0.poolSize = 1 }) { pool in
                    try await pool.read { tx in
                        tx.pipeline.one(
                            Scalar<String>.self, "SELECT current_setting('plan_cache_mode')")
                    }
                }.value
            }
            #expect(try await mode() == "force_generic_plan")
            // That table is how one knows Citus.
            try await db.owner.withSession { session in
                try session.executeUncheckedScript("CREATE TABLE pg_dist_partition ()")
            }
            #expect(try await mode() == "auto")
        }
    }

    @Test("what is not supported for another reason is an error, not an endless loop")
    func notSupported() async throws {
        try await withNotes { db in
            let runs = RunCounter()
            for _ in 1...2 {
                let error = await #expect(throws: PostgresError.self) {
                    try await db.service.transaction { tx in
                        runs.begin()
                        try tx.execute("SELECT FROM notes GROUP BY id FOR UPDATE")
                    }
                }
                #expect(error?.sqlState == .featureNotSupported)
            }
            #expect(runs.count == 2)
        }
    }
}
