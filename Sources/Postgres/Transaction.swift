/// An open transaction, on the thread of its connection.
///
/// It is given to the body of ``Database/transaction(_:_:)``, which is synchronous: a row lock is
/// never held across an `await`, and a transaction cannot be opened inside another one.
///
/// `BEGIN` travels with the first round trip and `COMMIT` with the last:
///
/// ```
///    first get()                           body returns
///  ┌──────────────────────────┐  decide  ┌────────────────────┐
///  │ BEGIN, SELECT FOR UPDATE │ ───────▶ │ INSERT ..., COMMIT │
///  └──────────────────────────┘          └────────────────────┘
/// ```
public final class Transaction {
    private let connection: Connection
    private let options: TransactionOptions
    private let interruption: Interruption
    private let deadline: Deadline
    private var queue: [QueuedStatement] = []
    private var hasBegun = false
    private var isDiscarded = false

    /// The first error of any round trip. Once set, the transaction can only be rolled back.
    private(set) var failure: PostgresError?

    init(
        on connection: Connection, options: TransactionOptions,
        interruption: Interruption, deadline: Deadline
    ) {
        self.connection = connection
        self.options = options
        self.interruption = interruption
        self.deadline = deadline
    }

    /// For statements that may wait for the next round trip.
    public var pipeline: Pipeline { Pipeline(transaction: self) }

    /// Runs a statement now, with all that is queued before it.
    /// - Returns: How many rows it touched.
    @discardableResult
    public func execute(_ sql: SQL) throws -> Int { try pipeline.execute(sql).get() }

    /// Runs a statement now and reads all its rows.
    public func all<Value: RowDecodable>(
        _ type: Value.Type = Value.self, _ sql: SQL
    ) throws -> [Value] {
        try pipeline.all(type, sql).get()
    }

    /// Runs a statement now that must give exactly one row, else `rowCount` is thrown.
    public func one<Value: RowDecodable>(
        _ type: Value.Type = Value.self, _ sql: SQL
    ) throws -> Value {
        try pipeline.one(type, sql).get()
    }

    /// Runs a statement now that may give no row or one, else `rowCount` is thrown.
    public func optional<Value: RowDecodable>(
        _ type: Value.Type = Value.self, _ sql: SQL
    ) throws -> Value? {
        try pipeline.optional(type, sql).get()
    }

    /// Ends the transaction with `ROLLBACK` when the body returns, because there turned out to be
    /// nothing to write. What was read stays valid; the disk is spared a commit.
    public func discard() { isDiscarded = true }

    /// Runs text that no compiler has seen, such as a migration file: several statements, no
    /// parameters. Whoever lets a request's data in here has opened the database to it.
    package func executeUncheckedScript(_ text: String) throws {
        try makeRoundTrip(evenIfEmpty: true)
        try guarded { () throws(PostgresError) in
            try connection.runScript(text, until: deadline)
        }
    }
}

extension Transaction {
    func enqueue(_ statement: QueuedStatement) { queue.append(statement) }

    /// Sends what is queued, behind `BEGIN` if this is the first trip.
    func makeRoundTrip(evenIfEmpty: Bool = false) throws {
        guard evenIfEmpty || !queue.isEmpty else { return }
        if let failure { throw failure }
        try interruption.check()
        let statements = takeQueue()
        guard !statements.isEmpty else { return }
        try guarded { () throws(PostgresError) in
            try connection.roundTrip(statements, until: deadline)
        }
    }

    /// Commits, together with what is still queued, or rolls back what was discarded.
    /// - Throws: `commitUnknown` if the outcome is in doubt; `CancellationError` if the task was
    ///   cancelled before `COMMIT` was sent.
    func finish() throws {
        if let failure { throw failure }
        if isDiscarded { return rollBack() }
        guard hasBegun || !queue.isEmpty else { return }
        // A read has nothing to commit: it may be cancelled and tried again to the end.
        guard !options.isReadOnly else { return try finishReading() }
        try interruption.close(orBreak: connection)
        // A session that the server has ended meanwhile cannot have committed what was not sent.
        if hasBegun && connection.hasUnexpectedInput { throw connection.lost() }
        var tag = ""
        let commit = QueuedStatement("COMMIT") { result in tag = result.commandTag }
        let statements = takeQueue() + [commit]
        _ = connection.takeWarnings()
        do {
            try guarded { () throws(PostgresError) in
                try connection.roundTrip(statements, until: deadline)
            }
        } catch let error as PostgresError where mayHaveCommitted(tag, error) {
            throw error.with(kind: .commitUnknown)
        }
        // An aborted transaction answers COMMIT with ROLLBACK, which libpq takes for success.
        guard tag == "COMMIT" else {
            throw PostgresError(
                kind: .server, sqlState: .transactionRollback,
                message: "COMMIT was answered \(tag)")
        }
        // "Canceling the wait for synchronous replication" is only a warning: committed here,
        // perhaps not on the standby.
        guard connection.takeWarnings() == 0 else {
            throw PostgresError(kind: .commitUnknown, message: "COMMIT came with a warning")
        }
    }

    private func finishReading() throws {
        try interruption.check()
        let statements = takeQueue() + [QueuedStatement("COMMIT")]
        try guarded { () throws(PostgresError) in
            try connection.roundTrip(statements, until: deadline)
        }
    }

    /// Whether a round trip with `COMMIT` that failed may have committed all the same: its answer is
    /// missing, or it came and another answer of the trip could not be read. Citus commits where the rows
    /// are before it does so itself; if that answer is lost it warns, and then fails. A session that idled
    /// too long was ended before it received anything of the trip.
    private func mayHaveCommitted(_ tag: String, _ error: PostgresError) -> Bool {
        if error.sqlState == .idleInTransactionSessionTimeout { return false }
        return connection.isBroken || tag == "COMMIT" || connection.takeWarnings() > 0
    }

    /// Ends a transaction that must not commit. A connection that cannot is not used again.
    func rollBack() {
        queue = []
        guard hasBegun, !connection.isBroken, connection.isInTransaction else { return }
        do {
            try interruption.close(orBreak: connection)
        } catch {
            // Cancelled: all the more reason to roll back.
        }
        do {
            try connection.roundTrip([QueuedStatement("ROLLBACK")], until: deadline)
        } catch {
            connection.markBroken()
        }
        if connection.isInTransaction { connection.markBroken() }
    }

    private func takeQueue() -> [QueuedStatement] {
        defer { queue = [] }
        guard !hasBegun else { return queue }
        hasBegun = true
        return [QueuedStatement(options.begin)] + queue
    }

    /// Runs a trip and remembers its error: the first one wins, whatever the body does with it.
    private func guarded(_ trip: () throws(PostgresError) -> Void) throws {
        do {
            try trip()
        } catch {
            failure = failure ?? error
            if error.sqlState == .queryCanceled { try interruption.check() }
            throw error
        }
    }
}
