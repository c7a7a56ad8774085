internal import CLibPQ

/// One answer of the server: a `PGresult` and the duty to clear it.
final class QueryResult {
    private let pointer: OpaquePointer

    /// Takes over `pointer`, which is cleared when the last reference goes.
    init(_ pointer: OpaquePointer) { self.pointer = pointer }

    deinit { PQclear(pointer) }

    var status: ExecStatusType { PQresultStatus(pointer) }
    var rowCount: Int32 { PQntuples(pointer) }

    /// What the server calls what it did: `INSERT 0 1`, `COMMIT`, `ROLLBACK`.
    var commandTag: String { String(cString: PQcmdStatus(pointer)) }

    /// How many rows an `INSERT`, `UPDATE`, `DELETE` or `SELECT` touched; 0 for anything else.
    var affectedRows: Int { Int(String(cString: PQcmdTuples(pointer))) ?? 0 }

    /// One value. A column past the last reads as an unknown type, so that decoding it fails.
    func column(_ column: Int32, row: Int32) -> PostgresColumn {
        guard column < PQnfields(pointer) else { return PostgresColumn(type: 0, bytes: nil) }
        let type = PQftype(pointer, column)
        guard PQgetisnull(pointer, row, column) == 0 else {
            return PostgresColumn(type: type, bytes: nil)
        }
        let length = Int(PQgetlength(pointer, row, column))
        let start = UnsafeRawPointer(PQgetvalue(pointer, row, column))
        return PostgresColumn(
            type: type, bytes: UnsafeRawBufferPointer(start: start, count: length))
    }

    /// The rows, each read into `type`.
    func rows<Value: RowDecodable>(_ type: Value.Type) throws -> [Value] {
        try (0..<rowCount).map { index in
            var row = Row(of: self, at: index)
            return try Value(row: &row)
        }
    }

    /// The error this answer carries.
    var error: PostgresError {
        PostgresError(
            kind: .server,
            sqlState: field(diagnostic_sqlstate).map(SQLState.init(rawValue:)),
            constraint: field(diagnostic_constraint),
            serverMessage: field(diagnostic_message)
        )
    }

    private func field(_ code: Int32) -> String? {
        PQresultErrorField(pointer, code).map { String(cString: $0) }
    }
}
