/// The statements that one connection has prepared, by text and parameter types.
///
/// Bounded by the source code, because SQL is made of literals only.
struct PreparedStatements {
    struct Key: Hashable {
        let text: String
        let types: [PostgresType.ID]

        init(_ sql: SQL) {
            text = sql.text
            types = sql.binds.types
        }
    }

    private var names: [Key: String] = [:]
    private var made = 0
    /// Whether the server no longer runs a statement that it once prepared.
    private(set) var areStale = false

    func name(for key: Key) -> String? { names[key] }

    /// Makes a name for a statement about to be prepared. A name is never used twice.
    mutating func add(_ key: Key) -> String {
        made += 1
        let name = "s\(made)"
        names[key] = name
        return name
    }

    /// Forgets a statement whose preparation failed or was skipped.
    mutating func forget(_ key: Key) { names[key] = nil }

    /// Notes what the server said of a statement that was prepared in an earlier round trip: that it
    /// is gone (26000), or that its result changed its columns since (0A000). Both go away when it
    /// is prepared anew.
    mutating func noteFailure(_ state: SQLState?) {
        if state == .invalidStatementName || state == .featureNotSupported { areStale = true }
    }

    mutating func forgetAll() {
        names = [:]
        areStale = false
    }
}
