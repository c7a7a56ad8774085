/// What went wrong between a caller and PostgreSQL.
///
/// `description` is safe to log: it holds codes and names, never a row's values, a statement's
/// parameters or a connection string.
public struct PostgresError: Error, Hashable, Sendable {
    /// Where it went wrong, and so what may have happened.
    public enum Kind: Hashable, Sendable {
        /// The server refused a statement; `sqlState` says why. The transaction was rolled back.
        case server
        /// No connection could be made. Nothing was sent.
        case connectFailed
        /// The connection broke, or its answer was not there in time, before `COMMIT` was sent.
        /// Nothing was committed.
        case connectionLost
        /// `COMMIT` was sent and its outcome is not known; or it is known only locally because the
        /// wait for the synchronous standby was given up; or it took effect but an answer that came
        /// with it could not be read.
        case commitUnknown
        /// A column could not be read as what the code asked for. The transaction was rolled back.
        case decoding
        /// A statement gave more or fewer rows than `one` or `optional` allow. Rolled back.
        case rowCount
        /// No connection was free in time, or too many callers were waiting already. Nothing was
        /// sent.
        case poolTimeout
    }

    /// Where it went wrong.
    public let kind: Kind
    /// The server's code, where the server had a say.
    public let sqlState: SQLState?
    /// The constraint that refused a row, as the server names it.
    public let constraint: String?
    /// The server's or libpq's message, only where it is known to hold no data.
    public let message: String?

    init(
        kind: Kind,
        sqlState: SQLState? = nil,
        constraint: String? = nil,
        message: String? = nil
    ) {
        self.kind = kind
        self.sqlState = sqlState
        self.constraint = constraint
        self.message = message
    }

    /// Keeps the server's message only if its class promises that it names no values.
    init(kind: Kind, sqlState: SQLState?, constraint: String?, serverMessage: String?) {
        let isFreeOfData = sqlState?.messageIsFreeOfData ?? false
        self.init(
            kind: kind,
            sqlState: sqlState,
            constraint: constraint,
            message: isFreeOfData ? serverMessage : nil
        )
    }

    /// Whether this error is the named constraint's.
    ///
    /// Citus reports a shard's constraint with the shard's number behind the name
    /// (`slot_no_overlap_102086`), so a numeric suffix is allowed.
    public func violates(_ name: String) -> Bool {
        guard let constraint, constraint.hasPrefix(name) else { return false }
        let suffix = constraint.dropFirst(name.count)
        return suffix.isEmpty || (suffix.first == "_" && Int(suffix.dropFirst()) != nil)
    }

    /// The same error at another place.
    func with(kind: Kind) -> PostgresError {
        PostgresError(kind: kind, sqlState: sqlState, constraint: constraint, message: message)
    }
}

extension PostgresError: CustomStringConvertible {
    /// Kind, code, constraint and, where it holds no data, the message.
    public var description: String {
        var parts = ["\(kind)"]
        if let sqlState { parts.append("SQLSTATE \(sqlState)") }
        if let constraint { parts.append("constraint \(constraint)") }
        if let message { parts.append(message) }
        return parts.joined(separator: ", ")
    }
}
