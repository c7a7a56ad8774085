import Foundation
import PostgresTesting
import Testing

@testable import Postgres

@Suite("COMMIT is believed only when its answer says so")
struct CommitTests {
    @Test("its answer is lost: in doubt, though it took effect")
    func lostAnswer() async throws {
        try await withNotes { db in
            try await withFaultProxy(to: db) { proxy in
                let database = Database(DatabaseConfiguration(url: proxy.url))
                let runs = RunCounter()
                let error = await #expect(throws: PostgresError.self) {
                    try await database.transaction { tx in
                        runs.begin()
                        try tx.execute("INSERT INTO notes VALUES (1)")
                        proxy.arm(.loseAnswer)
                    }
                }
                #expect(error?.kind == .commitUnknown)
                #expect(runs.count == 1)
                let written = try await notes(in: db)
                #expect(written == [1])
                await database.close()
            }
        }
    }

    @Test("it is answered ROLLBACK, which libpq takes for success: an error")
    func answeredRollback() async throws {
        try await withNotes { db in
            let configuration = DatabaseConfiguration(url: db.url)
            let database = Database(configuration)
            try await database.pool.withLane(until: .now + .seconds(5)) { lane in
                try await lane.run { slot in
                    let connection = try Connection.ready(in: &slot, configuration)
                    let tx = Transaction(
                        on: connection, options: TransactionOptions(),
                        interruption: Interruption(), deadline: .now + .seconds(5))
                    try tx.execute("INSERT INTO notes VALUES (1)")
                    // Behind the transaction's back, which would not send COMMIT otherwise.
                    #expect(throws: PostgresError.self) {
                        try connection.roundTrip(
                            [QueuedStatement("SELECT 1 / 0")], until: .now + .seconds(5))
                    }
                    let error = #expect(throws: PostgresError.self) { try tx.finish() }
                    #expect(error?.sqlState == .transactionRollback)
                    #expect(error?.message == "COMMIT was answered ROLLBACK")
                }
            }
            let written = try await notes(in: db)
            #expect(written.isEmpty)
            await database.close()
        }
    }

    @Test("it warns and then fails, as Citus' does where a worker's answer was lost: in doubt")
    func warnedAndFailed() async throws {
        try await withNotes { db in
            try await db.owner.withSession { session in
                try session.executeUncheckedScript(
                    """
                    CREATE FUNCTION lose_worker() RETURNS trigger LANGUAGE plpgsql AS $$
                    BEGIN
                        RAISE WARNING 'connection to the remote node was lost';
                        RAISE EXCEPTION 'could not commit transaction for shard 102008'
                            USING ERRCODE = 'internal_error';
                    END
                    $$;
                    CREATE CONSTRAINT TRIGGER lose_worker AFTER INSERT ON notes
                        DEFERRABLE INITIALLY DEFERRED
                        FOR EACH ROW EXECUTE FUNCTION lose_worker()
                    """)
            }
            let error = await #expect(throws: PostgresError.self) {
                try await db.owner.transaction { tx in
                    try tx.execute("INSERT INTO notes VALUES (1)")
                }
            }
            #expect(error?.kind == .commitUnknown)
        }
    }

    @Test("it fails without a warning: it is known that nothing was committed")
    func failed() async throws {
        try await withNotes { db in
            try await db.owner.withSession { session in
                try session.executeUncheckedScript(
                    """
                    ALTER TABLE notes DROP CONSTRAINT notes_pkey;
                    ALTER TABLE notes ADD UNIQUE (id) DEFERRABLE INITIALLY DEFERRED
                    """)
            }
            let error = await #expect(throws: PostgresError.self) {
                try await db.owner.transaction { tx in
                    try tx.execute("INSERT INTO notes VALUES (1)")
                    try tx.execute("INSERT INTO notes VALUES (1)")
                }
            }
            #expect(error?.kind == .server)
            #expect(error?.sqlState == .uniqueViolation)
        }
    }

    @Test("the wait for the synchronous standby was given up, a mere warning: in doubt")
    func standbyAway() async throws {
        try await withPrivateServer { server in
            try await server.loseStandby()
            let clinic = UUID()
            let writing = Task {
                try await server.database.service.transaction { tx in
                    try tx.execute(
                        "INSERT INTO markers (clinic_id, id) VALUES (\(clinic), \(clinic))")
                }
            }
            let sessions = Sessions(of: server.database)
            try await sessions.wait(until: .waitingForStandby, 2)
            try await sessions.cancel(.waitingForStandby)
            let error = await #expect(throws: PostgresError.self) { try await writing.value }
            #expect(error?.kind == .commitUnknown)
            #expect(error?.message == "COMMIT came with a warning")
            // Here it is; whether a standby has it is what nobody knows.
            let count = try await server.database.service.read { tx in
                tx.pipeline.one(
                    Scalar<Int>.self, "SELECT count(*) FROM markers WHERE clinic_id = \(clinic)")
            }
            #expect(count.value == 1)
        }
    }
}
