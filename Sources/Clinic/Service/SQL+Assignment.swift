import Postgres

extension SQL {
    /// What an `UPDATE` sets a column to: the value if there is one to set, which may be NULL, else what
    /// it is. One text whatever is sent, so that it is prepared once.
    static func assignment(of value: (some PostgresEncodable)?, to column: SQL) -> SQL {
        """
        \(fragment: column) = CASE
            WHEN \(value != nil) THEN \(value)
            ELSE \(fragment: column)
        END
        """
    }
}
