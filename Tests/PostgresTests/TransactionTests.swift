import Dispatch
import Postgres
import PostgresTesting
import Testing

@Suite("A transaction is all of its statements or none")
struct TransactionTests {
    @Test("what the body returns is committed, what it throws is not")
    func commitAndRollback() async throws {
        try await withNotes { db in
            try await db.owner.transaction { tx in try tx.execute("INSERT INTO notes VALUES (1)") }
            await #expect(throws: Refusal.self) {
                try await db.owner.transaction { tx in
                    try tx.execute("INSERT INTO notes VALUES (2)")
                    throw Refusal()
                }
            }
            #expect(try await notes(in: db) == [1])
        }
    }

    @Test("statements queued for COMMIT take effect, and their answers are there behind it")
    func pendingResult() async throws {
        try await withNotes { db in
            let inserted = try await db.owner.write { tx in
                tx.pipeline.execute("INSERT INTO notes VALUES (1)")
                return tx.pipeline.all(
                    Scalar<Int>.self, "INSERT INTO notes VALUES (2), (3) RETURNING id")
            }
            #expect(inserted.map(\.value) == [2, 3])
            #expect(try await notes(in: db) == [1, 2, 3])
        }
    }

    @Test("an error in the last round trip undoes the trips before it")
    func errorWithCommit() async throws {
        try await withNotes { db in
            let error = await #expect(throws: PostgresError.self) {
                try await db.owner.transaction { tx in
                    try tx.execute("INSERT INTO notes VALUES (1)")
                    tx.pipeline.execute("INSERT INTO notes VALUES (1)")
                    tx.pipeline.execute("INSERT INTO notes VALUES (2)")
                }
            }
            #expect(error?.sqlState == .uniqueViolation)
            #expect(error?.violates("notes_pkey") == true)
            let written = try await notes(in: db)
            #expect(written.isEmpty)
        }
    }

    @Test(
        "an answer that cannot be read but came with COMMIT: the change was made, and nobody says no"
    )
    func unreadableWithCommit() async throws {
        try await withNotes { db in
            let error = await #expect(throws: PostgresError.self) {
                try await db.owner.write { tx in
                    tx.pipeline.one(
                        Scalar<Int>.self, "INSERT INTO notes VALUES (1), (2) RETURNING id")
                }
            }
            #expect(error?.kind == .commitUnknown)
            let written = try await notes(in: db)
            #expect(written == [1, 2])
        }
    }

    @Test("a swallowed error still keeps the transaction from committing")
    func swallowedError() async throws {
        try await withNotes { db in
            let error = await #expect(throws: PostgresError.self) {
                try await db.owner.transaction { tx in
                    try tx.execute("INSERT INTO notes VALUES (1)")
                    _ = try? tx.execute("INSERT INTO notes VALUES (1)")
                }
            }
            #expect(error?.sqlState == .uniqueViolation)
            let written = try await notes(in: db)
            #expect(written.isEmpty)
        }
    }

    @Test("discard rolls back and keeps the result")
    func discard() async throws {
        try await withNotes { db in
            let count = try await db.owner.transaction { tx in
                try tx.execute("INSERT INTO notes VALUES (1)")
                tx.discard()
                return try tx.one(Scalar<Int>.self, "SELECT count(*) FROM notes")
            }
            #expect(count.value == 1)
            let written = try await notes(in: db)
            #expect(written.isEmpty)
        }
    }

    @Test("the connection serves on after an error in a pipeline, its prepared statements included")
    func reuseAfterError() async throws {
        try await withNotes { db in
            let database = db.service { $0.poolSize = 1 }
            for _ in 1...3 {
                _ = try? await database.transaction { tx in
                    tx.pipeline.execute("SELECT 1 / \(0)")
                    _ = try tx.one(Scalar<Int>.self, "SELECT \(41) + 1")
                }
                let answer = try await database.transaction { tx in
                    try tx.one(Scalar<Int>.self, "SELECT \(41) + 1")
                }
                #expect(answer.value == 42)
            }
            await database.close()
        }
    }

    @Test("one row means one row")
    func rowCount() async throws {
        try await withNotes { db in
            for sql: SQL in ["SELECT 1 WHERE false", "SELECT generate_series(1, 2)"] {
                let error = await #expect(throws: PostgresError.self) {
                    try await db.service.transaction { tx in try tx.one(Scalar<Int>.self, sql) }
                }
                #expect(error?.kind == .rowCount)
            }
        }
    }

    @Test("a read refuses to write")
    func readOnly() async throws {
        try await withNotes { db in
            let error = await #expect(throws: PostgresError.self) {
                try await db.owner.read { tx in tx.pipeline.execute("INSERT INTO notes VALUES (1)")
                }
            }
            #expect(error?.sqlState == .readOnlyTransaction)
        }
    }

    @Test("a deadlock's victim is run again and both commit")
    func deadlock() async throws {
        try await withNotes { db in
            try await db.owner.transaction { tx in
                try tx.execute("INSERT INTO notes VALUES (1), (2)")
            }
            let bothHold = Barrier(2)
            let runs = RunCounter()
            @Sendable func lock(_ first: Int, then second: Int) async throws {
                let ownRuns = RunCounter()
                try await db.owner.transaction { tx in
                    runs.begin()
                    try tx.execute("SELECT FROM notes WHERE id = \(first) FOR UPDATE")
                    if ownRuns.begin() == 1 { block { await bothHold.arrive() } }
                    try tx.execute("SELECT FROM notes WHERE id = \(second) FOR UPDATE")
                }
            }
            async let one: Void = lock(1, then: 2)
            async let other: Void = lock(2, then: 1)
            try await one
            try await other
            #expect(runs.count == 3)
        }
    }

    @Test("two serializable transactions that could not both run alone: one is run again")
    func serialization() async throws {
        try await withNotes { db in
            let bothRead = Barrier(2)
            let runs = RunCounter()
            @Sendable func addOneMore(_ id: Int) async throws {
                let ownRuns = RunCounter()
                try await db.owner.transaction(.init(isolation: .serializable)) { tx in
                    runs.begin()
                    let count = try tx.one(Scalar<Int>.self, "SELECT count(*) FROM notes").value
                    if ownRuns.begin() == 1 { block { await bothRead.arrive() } }
                    if count == 0 { try tx.execute("INSERT INTO notes VALUES (\(id))") }
                }
            }
            async let one: Void = addOneMore(1)
            async let other: Void = addOneMore(2)
            try await one
            try await other
            #expect(runs.count == 3)
            #expect(try await notes(in: db).count == 1)
        }
    }
}

struct Refusal: Error {}

/// Waits for `body` on a connection's own thread, where blocking is allowed.
func block(until body: @escaping @Sendable () async -> Void) {
    let done = DispatchSemaphore(value: 0)
    Task {
        await body()
        done.signal()
    }
    done.wait()
}

/// A database with an empty table `notes (id)`, of which the service may do what it wants.
func withNotes(_ body: @Sendable (TestDatabase) async throws -> Void) async throws {
    try await withTestDatabase { db in
        try await db.owner.transaction { tx in
            try tx.execute("CREATE TABLE notes (id bigint PRIMARY KEY)")
            try tx.execute("GRANT ALL ON notes TO holdfast_service")
        }
        try await body(db)
    }
}

/// What is committed in `notes`.
func notes(in db: TestDatabase) async throws -> [Int] {
    try await db.owner.read { tx in
        tx.pipeline.all(Scalar<Int>.self, "SELECT id FROM notes ORDER BY id")
    }.map(\.value)
}
