import Dispatch
import Postgres
import PostgresTesting
import Testing

@Suite("Every wait has a limit")
struct LimitTests {
    @Test("for a lock")
    func lockTimeout() async throws {
        try await withNotes { db in
            let impatient = db.service { $0.lockTimeout = .milliseconds(50) }
            try await withRowLocked(in: db) {
                let error = await #expect(throws: PostgresError.self) {
                    try await impatient.transaction { tx in
                        try tx.execute("SELECT FROM notes WHERE id = 1 FOR UPDATE")
                    }
                }
                #expect(error?.sqlState == .lockNotAvailable)
            }
            await impatient.close()
        }
    }

    @Test("for a statement")
    func statementTimeout() async throws {
        try await withTestDatabase { db in
            let impatient = db.service { $0.statementTimeout = .milliseconds(50) }
            let error = await #expect(throws: PostgresError.self) {
                try await impatient.transaction { tx in try tx.execute("SELECT pg_sleep(60)") }
            }
            #expect(error?.sqlState == .queryCanceled)
            await impatient.close()
        }
    }

    @Test("for an answer: a server that went silent costs the connection, not the caller's day")
    func deadline() async throws {
        try await withTestDatabase { db in
            let impatient = db.service {
                $0.statementTimeout = .seconds(60)
                $0.deadline = .seconds(1)
            }
            let error = await #expect(throws: PostgresError.self) {
                try await impatient.transaction { tx in try tx.execute("SELECT pg_sleep(60)") }
            }
            #expect(error?.kind == .connectionLost)
            await impatient.close()
        }
    }

    @Test("for its turn: a deadline that has passed costs no connection")
    func passedDeadline() async throws {
        try await withTestDatabase { db in
            let single = db.service { $0.poolSize = 1 }
            try await single.transaction { tx in try tx.execute("SELECT 1") }
            let late = await #expect(throws: PostgresError.self) {
                try await single.read(until: .now - .milliseconds(1)) { tx in
                    tx.pipeline.one(Scalar<Int>.self, "SELECT 1")
                }
            }
            #expect(late?.kind == .poolTimeout)
            let backend = try await Sessions(of: db).count(.open)
            #expect(backend == 1)
            await single.close()
        }
    }

    @Test("for a process that froze between lock and write: its locks are freed")
    func frozenBetweenRoundTrips() async throws {
        try await withNotes { db in
            try await db.owner.transaction { tx in try tx.execute("INSERT INTO notes VALUES (1)") }
            let frozen = db.service { $0.idleInTransactionTimeout = .milliseconds(200) }
            let patient = db.service {
                $0.lockTimeout = .seconds(20)
                $0.statementTimeout = .seconds(30)
            }
            let thawed = DispatchSemaphore(value: 0)
            let holds = Barrier(2)
            let runs = RunCounter()
            let freezing = Task {
                try await frozen.transaction { tx in
                    guard runs.begin() == 1 else { throw Refusal() }
                    try tx.execute("SELECT FROM notes WHERE id = 1 FOR UPDATE")
                    block { await holds.arrive() }
                    thawed.wait()
                    try tx.execute("DELETE FROM notes")
                }
            }
            await holds.arrive()
            // Comes through only because the server ends the frozen session by itself.
            try await patient.transaction { tx in
                try tx.execute("UPDATE notes SET id = 2 WHERE id = 1")
            }
            thawed.signal()
            // Its session is gone: the transaction is tried again on a new connection.
            await #expect(throws: Refusal.self) { try await freezing.value }
            #expect(try await notes(in: db) == [2])
            await frozen.close()
            await patient.close()
        }
    }

    @Test("for a connection, and for the line of those who wait for one")
    func poolExhausted() async throws {
        try await withNotes { db in
            let small = db.service {
                $0.poolSize = 1
                $0.waitingLimit = 1
                $0.leaseTimeout = .seconds(1)
            }
            let release = DispatchSemaphore(value: 0)
            let taken = Barrier(2)
            async let holder: Void = small.transaction { tx in
                block { await taken.arrive() }
                release.wait()
            }
            await taken.arrive()
            // One waits until its limit, the other finds the line full; both are told at once or
            // in time, neither hangs.
            let errors = await withTaskGroup { group in
                for _ in 1...2 {
                    group.addTask {
                        await #expect(throws: PostgresError.self) {
                            try await small.transaction { tx in try tx.execute("SELECT 1") }
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(errors.map { $0?.kind } == [.poolTimeout, .poolTimeout])
            #expect(Set(errors.map { $0?.message }).count == 2)
            release.signal()
            try await holder
            try await small.transaction { tx in try tx.execute("SELECT 1") }
            await small.close()
        }
    }
}

/// Calls `body` while another transaction holds the row lock of note 1, or the whole table's lock.
func withRowLocked(
    in db: TestDatabase, wholeTable: Bool = false, _ body: @Sendable () async throws -> Void
) async throws {
    try await db.owner.transaction { tx in
        try tx.execute("INSERT INTO notes VALUES (1) ON CONFLICT DO NOTHING")
    }
    let row: SQL = "SELECT FROM notes WHERE id = 1 FOR UPDATE"
    let table: SQL = "LOCK TABLE notes IN ACCESS EXCLUSIVE MODE"
    try await holding(wholeTable ? table : row, in: db) { _ in try await body() }
}
