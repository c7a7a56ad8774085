import FoundationEssentials

extension FixedWidthInteger {
    /// Appends the number with its most significant byte first, as the protocol wants it.
    func appendBigEndian(to bytes: inout [UInt8]) {
        withUnsafeBytes(of: bigEndian) { bytes.append(contentsOf: $0) }
    }

    /// Reads the number from the start of `bytes`, which need not be aligned.
    init(bigEndian bytes: UnsafeRawBufferPointer) {
        self.init(bigEndian: bytes.loadUnaligned(as: Self.self))
    }
}

extension Int: PostgresValue {
    /// `bigint`.
    public static var postgresType: PostgresType { .int8 }

    /// Encodes as `bigint`.
    public func encode(into bytes: inout [UInt8]) { Int64(self).appendBigEndian(to: &bytes) }

    /// Reads `smallint`, `integer` or `bigint`.
    public static func decode(_ column: PostgresColumn) throws(UndecodableValue) -> Int {
        let bytes = try column.bytes(of: .int8, .int4, .int2, as: Int.self)
        return switch bytes.count {
        case 2: Int(Int16(bigEndian: bytes))
        case 4: Int(Int32(bigEndian: bytes))
        case 8: Int(Int64(bigEndian: bytes))
        default: throw UndecodableValue(target: Int.self, type: column.type, isNull: false)
        }
    }
}

extension Bool: PostgresValue {
    /// `boolean`.
    public static var postgresType: PostgresType { .bool }

    /// Encodes as one byte.
    public func encode(into bytes: inout [UInt8]) { bytes.append(self ? 1 : 0) }

    /// Reads `boolean`.
    public static func decode(_ column: PostgresColumn) throws(UndecodableValue) -> Bool {
        try column.bytes(of: .bool, size: 1, as: Bool.self)[0] != 0
    }
}

extension String: PostgresValue {
    /// `text`.
    public static var postgresType: PostgresType { .text }

    /// Encodes as UTF-8. A U+0000 inside is refused by the server (22021), not cut off.
    public func encode(into bytes: inout [UInt8]) { bytes.append(contentsOf: utf8) }

    /// Reads `text`, `varchar` or `name`.
    public static func decode(_ column: PostgresColumn) throws(UndecodableValue) -> String {
        String(
            decoding: try column.bytes(of: .text, .varchar, .name, as: String.self), as: UTF8.self)
    }
}

extension UUID: PostgresValue {
    /// `uuid`.
    public static var postgresType: PostgresType { .uuid }

    /// Encodes as 16 bytes.
    public func encode(into bytes: inout [UInt8]) {
        withUnsafeBytes(of: uuid) { bytes.append(contentsOf: $0) }
    }

    /// Reads `uuid`.
    public static func decode(_ column: PostgresColumn) throws(UndecodableValue) -> UUID {
        UUID(
            uuid: try column.bytes(of: .uuid, size: 16, as: UUID.self).loadUnaligned(
                as: uuid_t.self))
    }
}

/// An enum of strings travels as `text`.
extension PostgresEncodable where Self: RawRepresentable<String> {
    /// `text`.
    public static var postgresType: PostgresType { .text }

    /// Encodes the raw value.
    public func encode(into bytes: inout [UInt8]) { rawValue.encode(into: &bytes) }
}

extension PostgresDecodable where Self: RawRepresentable<String> {
    /// Reads `text` that is one of the cases.
    public static func decode(_ column: PostgresColumn) throws(UndecodableValue) -> Self {
        guard let value = Self(rawValue: try String.decode(column)) else {
            throw UndecodableValue(target: Self.self, type: column.type, isNull: false)
        }
        return value
    }
}
