import Postgres

/// What a test may ask the server about the sessions of its own database.
package struct Sessions: Sendable {
    private let database: Database

    /// Asks over the owner's connections.
    package init(of database: TestDatabase) { self.database = database.owner }

    /// Returns once `count` sessions of the database wait for a lock, by the server's own account.
    package func waitUntilBlocked(_ count: Int = 1) async throws {
        while true {
            let blocked = try await database.read { tx in
                tx.pipeline.one(
                    Scalar<Int>.self,
                    """
                    SELECT count(*) FROM pg_stat_activity
                    WHERE datname = current_database()
                        AND cardinality(pg_blocking_pids(pid)) > 0
                    """)
            }.value
            if blocked >= count { return }
            await Task.yield()
        }
    }

    /// Ends the sessions of the database that wait for a lock.
    package func terminateBlocked() async throws {
        try await database.transaction { tx in
            try tx.execute(
                """
                SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
                WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0
                """)
        }
    }

    /// Ends every other session of the database, as an administrator or a crash would.
    package func terminateOthers() async throws {
        try await database.transaction { tx in
            try tx.execute(
                """
                SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()
                """)
        }
    }
}
