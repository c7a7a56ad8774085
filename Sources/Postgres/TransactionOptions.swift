/// How a transaction runs.
public struct TransactionOptions: Sendable {
    /// What a transaction sees of others. Source: PostgreSQL's manual, 13.2.
    public enum Isolation: Sendable {
        /// Each statement sees what was committed before it began.
        case readCommitted
        /// All statements see one snapshot.
        case repeatableRead
        /// As if transactions ran one after the other; may fail with 40001, which is retried.
        case serializable
    }

    /// What the transaction sees of others.
    public var isolation: Isolation
    /// Whether the server refuses writes (25006).
    public var isReadOnly: Bool
    /// Whether cancelling the task cancels the statement that runs. A batch serves many callers and
    /// is never cancelled by one of them; nor is anything once `COMMIT` is on its way.
    public var isCancellable: Bool
    /// When to give up, where that is sooner than ``DatabaseConfiguration/deadline`` says.
    public var deadline: Deadline?

    /// Read committed, writable, cancellable, unless told otherwise.
    public init(
        isolation: Isolation = .readCommitted, isReadOnly: Bool = false,
        isCancellable: Bool = true, deadline: Deadline? = nil
    ) {
        self.isolation = isolation
        self.isReadOnly = isReadOnly
        self.isCancellable = isCancellable
        self.deadline = deadline
    }

    var begin: SQL {
        let level: SQL =
            switch isolation {
            case .readCommitted: "ISOLATION LEVEL READ COMMITTED"
            case .repeatableRead: "ISOLATION LEVEL REPEATABLE READ"
            case .serializable: "ISOLATION LEVEL SERIALIZABLE"
            }
        // Not READ WRITE otherwise: a standby would refuse that as unsupported (0A000), while the
        // first write there says what it is (25006).
        return isReadOnly ? "BEGIN \(fragment: level) READ ONLY" : "BEGIN \(fragment: level)"
    }
}
