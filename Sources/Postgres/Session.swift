/// A connection by itself, for work that is more than one transaction: session locks, statements
/// that PostgreSQL refuses inside a transaction, text that no compiler has seen. Migrations are such
/// work; requests are not. The connection is closed behind it, which frees what the session held.
package final class Session {
    private let connection: Connection
    private let deadline: Deadline

    init(on connection: Connection, until deadline: Deadline) {
        self.connection = connection
        self.deadline = deadline
    }

    /// Runs `body` in a transaction of this session. It is not tried again.
    package func transaction<Result>(_ body: (Transaction) throws -> Result) throws -> Result {
        try connection.run(
            TransactionOptions(isCancellable: false), Interruption(), until: deadline
        ) {
            let result = try body($0)
            return Pending { result }
        }
    }

    /// Runs text outside any transaction, as one simple query: statements separated by semicolons
    /// are one implicit transaction, unless there is only one.
    package func executeUncheckedScript(_ text: String) throws {
        try connection.runScript(text, until: deadline)
    }
}

extension Database {
    /// Calls `body` with a connection of its own, on that connection's thread.
    package func withSession<Result: Sendable>(
        _ body: @escaping @Sendable (Session) throws -> Result
    ) async throws -> Result {
        let deadline = Deadline.now + configuration.deadline
        return try await pool.withLane(until: deadline) { lane in
            try await lane.run { [configuration] slot in
                defer { slot = nil }
                let connection = try Connection.ready(in: &slot, configuration)
                return try body(Session(on: connection, until: deadline))
            }
        }
    }
}
