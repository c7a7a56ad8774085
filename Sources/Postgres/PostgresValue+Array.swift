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
