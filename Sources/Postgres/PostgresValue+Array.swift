/// Arrays of one dimension, for `unnest` and `= ANY`: a batch is one parameter a column.
extension Array: PostgresEncodable where Element: PostgresEncodable {
    /// The array type of the element's type. Arrays of arrays are not supported.
    public static var postgresType: PostgresType {
        PostgresType(id: Element.postgresType.arrayID, arrayID: 0)
    }

    /// Encodes the header (dimensions, NULL flag, element type, length, lower bound) and elements.
    public func encode(into bytes: inout [UInt8]) {
        Int32(isEmpty ? 0 : 1).appendBigEndian(to: &bytes)
        Int32(contains(where: \.isNull) ? 1 : 0).appendBigEndian(to: &bytes)
        Element.postgresType.id.appendBigEndian(to: &bytes)
        guard !isEmpty else { return }
        Int32(count).appendBigEndian(to: &bytes)
        Int32(1).appendBigEndian(to: &bytes)
        for element in self {
            element.appendWithLength(to: &bytes)
        }
    }
}

extension PostgresEncodable {
    /// Appends the length and then the value, as array elements travel; -1 alone for NULL.
    fileprivate func appendWithLength(to bytes: inout [UInt8]) {
        let start = bytes.count
        Int32(-1).appendBigEndian(to: &bytes)
        guard !isNull else { return }
        encode(into: &bytes)
        let length = Int32(bytes.count - start - 4)
        withUnsafeBytes(of: length.bigEndian) { bytes.replaceSubrange(start..<start + 4, with: $0) }
    }
}

extension Array: PostgresDecodable where Element: PostgresDecodable {
    /// Reads an array of at most one dimension.
    public static func decode(_ column: PostgresColumn) throws(UndecodableValue) -> [Element] {
        let unfit = UndecodableValue(
            target: Self.self, type: column.type, isNull: column.bytes == nil)
        guard var rest = column.bytes.map({ $0[...] }), let dimensions = rest.takeInteger(),
            rest.takeInteger() != nil, let type = rest.takeInteger(), (0...1).contains(dimensions)
        else { throw unfit }
        guard dimensions == 1 else { return [] }
        guard let count = rest.takeInteger(), count >= 0, rest.takeInteger() != nil else {
            throw unfit
        }
        var elements: [Element] = []
        for _ in 0..<count {
            guard let length = rest.takeInteger(), length <= rest.count else { throw unfit }
            let bytes = length < 0 ? nil : UnsafeRawBufferPointer(rebasing: rest.prefix(length))
            rest = rest.dropFirst(Swift.max(0, length))
            elements.append(
                try Element.decode(
                    PostgresColumn(type: PostgresType.ID(truncatingIfNeeded: type), bytes: bytes)))
        }
        return elements
    }
}

extension Slice<UnsafeRawBufferPointer> {
    /// Takes four bytes off the front: a number with its most significant byte first.
    fileprivate mutating func takeInteger() -> Int? {
        guard count >= 4 else { return nil }
        defer { self = dropFirst(4) }
        return Int(Int32(bigEndian: UnsafeRawBufferPointer(rebasing: prefix(4))))
    }
}
