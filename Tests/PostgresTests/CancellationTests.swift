import Dispatch
import Postgres
import PostgresTesting
import Testing

@Suite("A cancelled task stops waiting, and nothing else is hit")
struct CancellationTests {
    @Test("while it waits for a row's lock")
    func waitingForLock() async throws {
        try await withNotes { db in
            let database = db.service {
                $0.lockTimeout = .seconds(60)
                $0.statementTimeout = .seconds(60)
            }
            try await withRowLocked(in: db) {
                let waiting = Task {
                    try await database.transaction { tx in
                        try tx.execute("SELECT FROM notes WHERE id = 1 FOR UPDATE")
                    }
                }
                try await Sessions(of: db).wait(until: .blocked)
                waiting.cancel()
                await #expect(throws: CancellationError.self) { try await waiting.value }
            }
            await database.close()
        }
    }

    @Test("while its query runs")
    func runningQuery() async throws {
        try await withTestDatabase { db in
            let single = db.service {
                $0.poolSize = 1
                $0.statementTimeout = .seconds(60)
            }
            for _ in 1...5 {
                let running = Task {
                    try await single.transaction { tx in try tx.execute("SELECT pg_sleep(60)") }
                }
                try await Sessions(of: db).wait(until: .sleeping)
                running.cancel()
                await #expect(throws: CancellationError.self) { try await running.value }
                // The cancel request has hit that query and nothing behind it.
                try await single.transaction { tx in try tx.execute("SELECT 1") }
            }
            await single.close()
        }
    }

    @Test("while it waits for a connection")
    func waitingForLease() async throws {
        try await withTestDatabase { db in
            let single = db.service { $0.poolSize = 1 }
            let release = DispatchSemaphore(value: 0)
            let taken = Barrier(2)
            async let holder: Void = single.transaction { tx in
                block { await taken.arrive() }
                release.wait()
            }
            await taken.arrive()
            let waiting = Task {
                try await single.transaction { tx in try tx.execute("SELECT 1") }
            }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            release.signal()
            try await holder
            await single.close()
        }
    }

    @Test("before COMMIT: nothing is written, and the connection serves the next caller")
    func beforeCommit() async throws {
        try await withNotes { db in
            let single = db.service { $0.poolSize = 1 }
            for id in 1...20 {
                let written = Barrier(2)
                let cancelled = DispatchSemaphore(value: 0)
                let task = Task {
                    try await single.transaction { tx in
                        try tx.execute("INSERT INTO notes VALUES (\(id))")
                        block { await written.arrive() }
                        cancelled.wait()
                    }
                }
                await written.arrive()
                task.cancel()
                cancelled.signal()
                await #expect(throws: CancellationError.self) { try await task.value }
                let count = try await single.transaction { tx in
                    try tx.one(Scalar<Int>.self, "SELECT count(*) FROM notes")
                }
                #expect(count.value == 0)
            }
            await single.close()
        }
    }

    @Test("a transaction that is not cancellable finishes although its task was cancelled")
    func notCancellable() async throws {
        try await withNotes { db in
            let written = Barrier(2)
            let cancelled = DispatchSemaphore(value: 0)
            let task = Task {
                try await db.service.transaction(.init(isCancellable: false)) { tx in
                    try tx.execute("INSERT INTO notes VALUES (1)")
                    block { await written.arrive() }
                    cancelled.wait()
                }
            }
            await written.arrive()
            task.cancel()
            cancelled.signal()
            try await task.value
            #expect(try await notes(in: db) == [1])
        }
    }
}
