/// The values of one statement, encoded one behind the other in PostgreSQL's binary format.
struct Binds: Sendable {
    /// One value's type and place in `bytes`; `length` is nil for NULL.
    struct Slice: Sendable {
        let type: PostgresType.ID
        let start: Int
        let length: Int?
    }

    private(set) var slices: [Slice] = []
    private(set) var bytes: [UInt8] = []

    var count: Int { slices.count }
    var types: [PostgresType.ID] { slices.map(\.type) }

    mutating func append<Value: PostgresEncodable>(_ value: Value) {
        let start = bytes.count
        guard !value.isNull else {
            slices.append(Slice(type: Value.postgresType.id, start: start, length: nil))
            return
        }
        value.encode(into: &bytes)
        slices.append(
            Slice(type: Value.postgresType.id, start: start, length: bytes.count - start))
    }

    mutating func append(contentsOf other: Binds) {
        let offset = bytes.count
        bytes += other.bytes
        slices += other.slices.map {
            Slice(type: $0.type, start: $0.start + offset, length: $0.length)
        }
    }

    /// Calls `body` with the arrays that libpq takes: value pointers, lengths, formats.
    func withArrays<Result>(
        _ body: (
            UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?
        ) -> Result
    ) -> Result {
        // An empty value still needs an address: libpq takes a null pointer for NULL.
        (bytes.isEmpty ? [0] : bytes).withUnsafeBytes { buffer in
            let base = buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
            let values = slices.map { slice in
                slice.length == nil ? nil : base.map { $0 + slice.start }
            }
            let lengths = slices.map { Int32($0.length ?? 0) }
            let formats = [Int32](repeating: 1, count: slices.count)
            return body(values, lengths, formats)
        }
    }
}
