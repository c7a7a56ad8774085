/// PostgreSQL's five-character error code. Errors are told apart by it, never by their message,
/// which is translated. Source: PostgreSQL's manual, appendix A.
public struct SQLState: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The five characters.
    public let rawValue: String

    /// A code by its five characters.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The five characters.
    public var description: String { rawValue }

    /// 0A000: not supported; also a prepared statement whose columns changed behind its back.
    public static let featureNotSupported = SQLState(rawValue: "0A000")
    /// 22023: a setting's value is not possible; also a role that is not there.
    public static let invalidParameterValue = SQLState(rawValue: "22023")
    /// 23505: a unique constraint or primary key refused a row.
    public static let uniqueViolation = SQLState(rawValue: "23505")
    /// 23503: a foreign key refused a row.
    public static let foreignKeyViolation = SQLState(rawValue: "23503")
    /// 23514: a check constraint refused a row.
    public static let checkViolation = SQLState(rawValue: "23514")
    /// 23P01: an exclusion constraint refused a row.
    public static let exclusionViolation = SQLState(rawValue: "23P01")
    /// 25006: a write on a standby or in a read-only transaction.
    public static let readOnlyTransaction = SQLState(rawValue: "25006")
    /// 25P03: the session was ended because its transaction idled for too long.
    public static let idleInTransactionSessionTimeout = SQLState(rawValue: "25P03")
    /// 26000: no such prepared statement.
    public static let invalidStatementName = SQLState(rawValue: "26000")
    /// 40000: the transaction was rolled back although it was told to commit.
    public static let transactionRollback = SQLState(rawValue: "40000")
    /// 40001: two transactions could not both have run alone.
    public static let serializationFailure = SQLState(rawValue: "40001")
    /// 40P01: chosen to end a deadlock.
    public static let deadlockDetected = SQLState(rawValue: "40P01")
    /// 42501: the role may not do that.
    public static let insufficientPrivilege = SQLState(rawValue: "42501")
    /// 42703: no such column.
    public static let undefinedColumn = SQLState(rawValue: "42703")
    /// 42P01: no such table.
    public static let undefinedTable = SQLState(rawValue: "42P01")
    /// 55P03: a lock was not free within `lock_timeout`.
    public static let lockNotAvailable = SQLState(rawValue: "55P03")
    /// 57014: the statement was cancelled, by us or by `statement_timeout`.
    public static let queryCanceled = SQLState(rawValue: "57014")

    /// Whether the server lacks disk, memory or connections (class 53).
    public var isOfResources: Bool { rawValue.hasPrefix("53") }

    /// Whether the code's class (its first two characters) speaks of the server's state or of the
    /// statement's text, so that the message names identifiers and never a row's values.
    var messageIsFreeOfData: Bool {
        ["08", "28", "3D", "42", "53", "55", "57", "58"].contains(String(rawValue.prefix(2)))
    }
}
