import FoundationEssentials
import Postgres

/// What a test may ask the server about the sessions of its own database.
package struct Sessions: Sendable {
    private let database: Database

    /// A condition on the rows of `pg_stat_activity`.
    package struct Condition: Sendable {
        fileprivate let sql: SQL

        /// Waits for a lock that another session has.
        package static let blocked = Condition(sql: "cardinality(pg_blocking_pids(pid)) > 0")
        /// Its transaction failed and has not been rolled back.
        package static let aborted = Condition(sql: "state = 'idle in transaction (aborted)'")
        /// Runs `pg_sleep`.
        package static let sleeping = Condition(sql: "wait_event = 'PgSleep'")
        /// Has committed and waits for the synchronous standby.
        package static let waitingForStandby = Condition(sql: "wait_event = 'SyncRep'")
        /// Has committed since then, and waits likewise.
        package static func waitingForStandby(since time: Date) -> Condition {
            Condition(sql: "wait_event = 'SyncRep' AND query_start > \(time)")
        }
        /// Is an instance's that runs as a process of its own, and is called `instance` in its URI.
        package static let ofInstance = Condition(sql: "application_name = 'instance'")
        /// Is there at all.
        package static let open = Condition(sql: "backend_type = 'client backend'")
    }

    /// Asks over the owner's connections.
    package init(of database: TestDatabase) { self.database = database.owner }

    /// How many sessions of the database, this one apart, meet the condition now.
    package func count(_ condition: Condition) async throws -> Int {
        try await database.read { tx in
            tx.pipeline.one(
                Scalar<Int>.self,
                """
                SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database()
                    AND pid <> pg_backend_pid()
                    AND \(fragment: condition.sql)
                """)
        }.value
    }

    /// The time by the server's clock.
    package var now: Date {
        get async throws {
            try await database.read { tx in
                tx.pipeline.one(Scalar<Date>.self, "SELECT clock_timestamp()")
            }.value
        }
    }

    /// Whether the server's commits wait for a standby that is there.
    var isReplicated: Bool {
        get async throws {
            try await database.read { tx in
                tx.pipeline.one(
                    Scalar<Bool>.self,
                    """
                    SELECT current_setting('synchronous_standby_names') <> ''
                        AND EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')
                    """)
            }.value
        }
    }

    /// What the sessions of the database are called that meet the condition now.
    package func names(_ condition: Condition) async throws -> [String] {
        try await database.read { tx in
            tx.pipeline.all(
                Scalar<String>.self,
                """
                SELECT application_name FROM pg_stat_activity
                WHERE datname = current_database() AND \(fragment: condition.sql)
                """)
        }.map(\.value)
    }

    /// Returns once `count` sessions or more meet the condition, by the server's own account.
    /// - Throws: ``NeverCame`` instead of hanging for ever.
    package func wait(until condition: Condition, _ count: Int = 1) async throws {
        try await wait { try await self.count(condition) >= count }
    }

    /// Returns once `count` sessions or fewer meet the condition, by the server's own account.
    /// - Throws: ``NeverCame`` instead of hanging for ever.
    package func wait(untilAtMost count: Int, _ condition: Condition) async throws {
        try await wait { try await self.count(condition) <= count }
    }

    /// Returns once commits wait for a standby.
    /// - Throws: ``NeverCame`` instead of hanging for ever.
    package func waitUntilReplicated() async throws { try await wait { try await isReplicated } }

    /// A condition that a test waited for was not met in any time that makes sense.
    package struct NeverCame: Error {}

    private func wait(until isMet: () async throws -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(60)
        while try await !isMet() {
            guard .now < end else { throw NeverCame() }
        }
    }

    /// Cancels what the sessions run that meet the condition.
    package func cancel(_ condition: Condition) async throws {
        try await signal(condition, "pg_cancel_backend(pid)")
    }

    /// Ends the sessions that meet the condition, as an administrator or a crash would.
    package func terminate(_ condition: Condition) async throws {
        try await signal(condition, "pg_terminate_backend(pid, 5000)")
    }

    private func signal(_ condition: Condition, _ function: SQL) async throws {
        try await database.transaction { tx in
            try tx.execute(
                """
                SELECT \(fragment: function) FROM pg_stat_activity
                WHERE datname = current_database()
                    AND pid <> pg_backend_pid()
                    AND \(fragment: condition.sql)
                """)
        }
    }
}
