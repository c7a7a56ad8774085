/// The one door to a PostgreSQL database: `await` outside, synchronous inside.
///
/// ```swift
/// let slot = try await database.transaction { tx in
///     let slot = try tx.one(Slot.self, "SELECT ... WHERE id = \(id) FOR UPDATE")
///     ...
///     tx.pipeline.execute("UPDATE slots ...")
///     return slot
/// }
/// ```
public final class Database: Sendable {
    let configuration: DatabaseConfiguration
    let pool: Pool

    /// How often a transaction is tried when the server or the network takes it back.
    private let attempts = 4

    /// Opens nothing yet: each connection is made when it is first needed.
    public init(_ configuration: DatabaseConfiguration) {
        self.configuration = configuration
        pool = Pool(size: configuration.poolSize, waitingLimit: configuration.waitingLimit)
    }

    /// Runs `body` in a transaction and commits, or rolls back if it throws.
    ///
    /// `body` runs on the connection's own thread, and again from its start if PostgreSQL answers
    /// 40001 or 40P01, the connection is lost before `COMMIT`, or a prepared statement went stale; so
    /// it must have no effect but its statements. An error inside it wins over any that follow.
    ///
    /// - Throws: ``PostgresError``; `CancellationError`; what `body` throws.
    @discardableResult
    public func transaction<Result: Sendable>(
        _ options: TransactionOptions = TransactionOptions(),
        _ body: @escaping @Sendable (Transaction) throws -> Result
    ) async throws -> Result {
        try await write(options) { tx in
            let result = try body(tx)
            return Pending { result }
        }
    }

    /// Like ``transaction(_:_:)``, for a body whose last statements travel with `COMMIT` and whose
    /// result is read from their answers: lock, decide, write in two round trips.
    @discardableResult
    public func write<Result: Sendable>(
        _ options: TransactionOptions = TransactionOptions(),
        _ body: @escaping @Sendable (Transaction) throws -> Pending<Result>
    ) async throws -> Result {
        let latest = Deadline.now + configuration.deadline
        let deadline = options.deadline.map { min($0, latest) } ?? latest
        var attempt = 1
        while true {
            do {
                return try await attemptOnce(options, until: deadline, body)
            } catch let error as PostgresError
                where error.isSafeToRetry && attempt < attempts && .now < deadline
            {
                // A cancelled task does not wait; the next attempt finds out.
                try? await Task.sleep(for: .milliseconds(Int.random(in: 0...(5 << attempt))))
                attempt += 1
            }
        }
    }

    /// Runs `body` in a read-only transaction; one round trip if all it returns is a `Pending`.
    /// - Parameter deadline: When to give up, where that is sooner than the configuration says.
    public func read<Result: Sendable>(
        isolation: TransactionOptions.Isolation = .readCommitted, until deadline: Deadline? = nil,
        _ body: @escaping @Sendable (Transaction) throws -> Pending<Result>
    ) async throws -> Result {
        try await write(
            TransactionOptions(isolation: isolation, isReadOnly: true, deadline: deadline), body)
    }

    /// Refuses new transactions and closes every connection that is free, the others as they
    /// become free.
    public func close() async { await pool.close() }

    private func attemptOnce<Result: Sendable>(
        _ options: TransactionOptions, until deadline: Deadline,
        _ body: @escaping @Sendable (Transaction) throws -> Pending<Result>
    ) async throws -> Result {
        let interruption = Interruption()
        let leaseDeadline = min(deadline, .now + configuration.leaseTimeout)
        return try await pool.withLane(until: leaseDeadline) { lane in
            let job: @Sendable (inout Connection?) throws -> Result = { [configuration] slot in
                // What would be sent now would cost a connection that is good, and nobody waits for it.
                guard .now < deadline else {
                    throw PostgresError(
                        kind: .poolTimeout, message: "the deadline passed before anything was sent")
                }
                let connection = try Connection.ready(in: &slot, configuration)
                defer { if connection.isBroken { slot = nil } }
                return try connection.run(options, interruption, until: deadline, body)
            }
            guard options.isCancellable else { return try await lane.run(job) }
            return try await withTaskCancellationHandler {
                try await lane.run(job)
            } onCancel: {
                interruption.request()
            }
        }
    }
}

extension Connection {
    /// The lane's connection if it is still good, else a new one.
    static func ready(
        in slot: inout Connection?, _ configuration: DatabaseConfiguration
    ) throws(PostgresError) -> Connection {
        if let connection = slot, !connection.hasUnexpectedInput { return connection }
        slot = nil
        let connection = try Connection(configuration)
        slot = connection
        return connection
    }

    /// A transaction, from `BEGIN` to `COMMIT` or `ROLLBACK`; once more from its start if a table
    /// changed under a prepared statement.
    func run<Result>(
        _ options: TransactionOptions, _ interruption: Interruption, until deadline: Deadline,
        _ body: (Transaction) throws -> Pending<Result>
    ) throws -> Result {
        do {
            return try runOnce(options, interruption, until: deadline, body)
        } catch  where statements.areStale && !isBroken {
            try deallocateStatements(until: deadline)
            return try runOnce(options, interruption, until: deadline, body)
        }
    }

    private func runOnce<Result>(
        _ options: TransactionOptions, _ interruption: Interruption, until deadline: Deadline,
        _ body: (Transaction) throws -> Pending<Result>
    ) throws -> Result {
        let transaction = Transaction(
            on: self, options: options, interruption: interruption, deadline: deadline)
        interruption.open(for: self)
        defer { try? interruption.close(orBreak: self) }
        do {
            let result = try body(transaction)
            try transaction.finish()
            return try result.get()
        } catch {
            transaction.rollBack()
            guard let failure = transaction.failure, failure.sqlState == .readOnlyTransaction,
                !options.isReadOnly
            else { throw error }
            // A standby, after a failover: the next try must look for the new primary.
            markBroken()
            throw failure.with(kind: .connectionLost)
        }
    }
}

extension PostgresError {
    /// Whether nothing was committed and another try may succeed.
    fileprivate var isSafeToRetry: Bool {
        switch kind {
        case .connectionLost: true
        case .server:
            sqlState == .serializationFailure || sqlState == .deadlockDetected
        default: false
        }
    }
}
