import Postgres

/// A value that no rule allows, whatever is stored.
package struct InvalidInput: Error, Hashable, Sendable {
    /// The member that holds it, as the API calls it.
    package let member: String
    /// What it must be.
    package let requirement: String

    package init(_ member: String, _ requirement: String) {
        self.member = member
        self.requirement = requirement
    }
}

/// The service could not do its work now; trying again may help.
package struct Unavailable: Error, Hashable, Sendable {
    package enum Reason: Hashable, Sendable {
        /// Too many callers wait already, one statement took too long, or the server lacks disk,
        /// memory or connections.
        case overloaded
        /// Somebody else kept a row locked for too long.
        case lockTimeout
        /// The database cannot be reached.
        case databaseUnreachable
        /// The database lacks a table, a column or a right: its migrations have not all been applied.
        case schemaBehind
        /// The commit's answer was lost: the change may have been made or not.
        case outcomeUnknown
    }

    package let reason: Reason
    /// What the database said, for the log: codes and names, no data.
    package let cause: String
}

extension Unavailable: CustomStringConvertible {
    /// What the database said, and for an operator what to do.
    package var description: String {
        reason == .schemaBehind ? "\(cause); run 'holdfast migrate up'" : cause
    }
}

extension Unavailable {
    /// What a database error means for a caller; nil if it means that the code is wrong.
    init?(_ error: PostgresError) {
        switch (error.kind, error.sqlState) {
        case (.poolTimeout, _): reason = .overloaded
        case (.connectFailed, _), (.connectionLost, _): reason = .databaseUnreachable
        case (.commitUnknown, _): reason = .outcomeUnknown
        case (.server, .undefinedTable?), (.server, .undefinedColumn?),
            (.server, .insufficientPrivilege?):
            reason = .schemaBehind
        case (.server, .lockNotAvailable?): reason = .lockTimeout
        case (.server, .queryCanceled?), (.server, .deadlockDetected?),
            (.server, .serializationFailure?):
            reason = .overloaded
        case (.server, let state?) where state.isOfResources: reason = .overloaded
        default: return nil
        }
        cause = error.description
    }
}
