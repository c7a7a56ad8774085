/// One row of an answer, read from left to right.
///
/// ```swift
/// extension Slot: RowDecodable {
///     init(row: inout Row) throws {
///         id = try row.next()
///         startsAt = try row.next()
///     }
/// }
/// ```
///
/// A row is valid only inside the `init(row:)` it is given to: its bytes belong to the answer.
public struct Row {
    private let result: QueryResult
    private let index: Int32
    private var column: Int32 = 0

    init(of result: QueryResult, at index: Int32) {
        self.result = result
        self.index = index
    }

    /// The next column's value.
    /// - Throws: ``UndecodableValue`` if there is no next column, or it has another type or is NULL.
    public mutating func next<Value: PostgresDecodable>(
        _ type: Value.Type = Value.self
    ) throws(UndecodableValue) -> Value {
        defer { column += 1 }
        do {
            return try Value.decode(result.column(column, row: index))
        } catch {
            var error = error
            error.column = Int(column)
            throw error
        }
    }
}

/// A type that a row can be read into, column by column in the order of the `SELECT` list.
public protocol RowDecodable {
    /// Reads the columns.
    init(row: inout Row) throws
}

/// A row of one column, for `SELECT count(*)` and the like.
public struct Scalar<Value: PostgresDecodable>: RowDecodable {
    /// The column's value.
    public let value: Value

    /// Reads the one column.
    public init(row: inout Row) throws { value = try row.next() }
}

extension Scalar: Sendable where Value: Sendable {}
