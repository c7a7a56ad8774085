/// A value that can travel to PostgreSQL as a parameter, in binary.
public protocol PostgresEncodable: Sendable {
    /// The type the parameter is declared as.
    static var postgresType: PostgresType { get }
    /// Whether the value is SQL's NULL.
    var isNull: Bool { get }
    /// Appends the value in PostgreSQL's binary format. Not called where `isNull`.
    func encode(into bytes: inout [UInt8])
}

/// A value that can be read from a column, in binary.
public protocol PostgresDecodable {
    /// Reads a column's value.
    /// - Throws: ``UndecodableValue`` if the column has another type or is NULL.
    static func decode(_ column: PostgresColumn) throws(UndecodableValue) -> Self
}

/// A value that travels both ways.
public typealias PostgresValue = PostgresEncodable & PostgresDecodable

/// One column of one row, as PostgreSQL sent it. The bytes live as long as the row's result.
public struct PostgresColumn {
    let type: PostgresType.ID
    /// Nil for NULL. Not aligned.
    let bytes: UnsafeRawBufferPointer?

    /// The bytes, once the type, NULL and the size have been ruled out as reasons to fail.
    /// - Parameter size: How many there must be; nil: any number.
    func bytes(
        of types: PostgresType..., size: Int? = nil, as target: Any.Type
    ) throws(UndecodableValue) -> UnsafeRawBufferPointer {
        guard types.contains(where: { $0.id == type }) else {
            throw UndecodableValue(target: target, type: type, isNull: false)
        }
        guard let bytes else { throw UndecodableValue(target: target, type: type, isNull: true) }
        guard bytes.count == size ?? bytes.count else {
            throw UndecodableValue(target: target, type: type, isNull: false)
        }
        return bytes
    }
}

/// Why a column could not be read. Says types, never the value.
public struct UndecodableValue: Error, CustomStringConvertible {
    let target: String
    let type: PostgresType.ID
    let isNull: Bool
    /// The position of the column, from 0; known once the row adds it.
    var column: Int?

    init(target: Any.Type, type: PostgresType.ID, isNull: Bool) {
        self.target = "\(target)"
        self.type = type
        self.isNull = isNull
    }

    /// Says which column could not be read as what, and why.
    public var description: String {
        let place = column.map { "column \($0 + 1)" } ?? "a column"
        return "\(place) (type \(type)) \(isNull ? "is NULL and" : "") cannot be read as \(target)"
    }
}

extension PostgresEncodable {
    /// Only an `Optional` is ever NULL.
    public var isNull: Bool { false }
}

extension Optional: PostgresEncodable where Wrapped: PostgresEncodable {
    /// The wrapped value's type: a NULL of it.
    public static var postgresType: PostgresType { Wrapped.postgresType }
    /// Whether there is no value.
    public var isNull: Bool { self?.isNull ?? true }
    /// Encodes the wrapped value.
    public func encode(into bytes: inout [UInt8]) { self?.encode(into: &bytes) }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
    /// Nil for NULL, else the wrapped value.
    public static func decode(_ column: PostgresColumn) throws(UndecodableValue) -> Self {
        column.bytes == nil ? nil : try Wrapped.decode(column)
    }
}
