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
}
