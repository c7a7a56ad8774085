import Postgres
import PostgresTesting
import Testing

@Suite("A lost connection is replaced")
struct LostConnectionTests {
    @Test("while it was idle: the caller does not notice")
    func whileIdle() async throws {
        try await withNotes { db in
            try await db.service.transaction { tx in try tx.execute("SELECT 1") }
            try await Sessions(of: db).terminateOthers()
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
                if runs.begin() == 1 { block { try? await Sessions(of: db).terminateOthers() } }
                try tx.execute("INSERT INTO notes VALUES (2)")
            }
            #expect(runs.count == 2)
            #expect(try await notes(in: db) == [1, 2])
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
