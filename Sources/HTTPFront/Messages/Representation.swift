import FoundationEssentials
import NIOCore

/// Something that the API shows as a JSON object.
protocol Representation {
    /// Writes the members, in the order in which clients see them.
    func write(to members: inout MemberWriter)
}

extension Representation {
    /// The object as JSON text.
    var json: ByteBuffer {
        var writer = MemberWriter()
        writer.writeObject(self)
        return writer.buffer
    }
}

/// Writes JSON objects straight into the response's buffer: members in a fixed order, ids in lower
/// case, instants in UTC, nil as `null`. Source: RFC 8259.
struct MemberWriter {
    fileprivate private(set) var buffer = ByteBuffer()
    private var isFirst = true

    fileprivate init() { buffer.reserveCapacity(512) }

    mutating func write(_ name: StaticString, _ value: UUID) {
        writeName(name)
        buffer.writeStaticString("\"")
        buffer.writeID(value)
        buffer.writeStaticString("\"")
    }

    mutating func write(_ name: StaticString, _ value: UUID?) {
        if let value { write(name, value) } else { writeNull(name) }
    }

    mutating func write(_ name: StaticString, _ value: Date) {
        writeName(name)
        buffer.writeStaticString("\"")
        buffer.writeInstant(value)
        buffer.writeStaticString("\"")
    }

    mutating func write(_ name: StaticString, _ value: Date?) {
        if let value { write(name, value) } else { writeNull(name) }
    }

    mutating func write(_ name: StaticString, _ value: Int) {
        writeName(name)
        buffer.writeString("\(value)")
    }

    mutating func write(_ name: StaticString, _ value: String?) {
        writeName(name)
        if let value { writeText(value) } else { buffer.writeStaticString("null") }
    }

    /// Writes what is JSON already.
    mutating func write(_ name: StaticString, json: String) {
        writeName(name)
        buffer.writeString(json)
    }

    mutating func write(_ name: StaticString, _ values: [String]) {
        writeName(name)
        writeList(values) { writer, text in writer.writeText(text) }
    }

    mutating func write(_ name: StaticString, _ values: [some Representation]) {
        writeName(name)
        writeList(values) { writer, object in writer.writeObject(object) }
    }

    mutating func write(_ name: StaticString, _ value: some Representation) {
        writeName(name)
        writeObject(value)
    }

    fileprivate mutating func writeObject(_ object: some Representation) {
        let isFirstOutside = isFirst
        isFirst = true
        buffer.writeStaticString("{")
        object.write(to: &self)
        buffer.writeStaticString("}")
        isFirst = isFirstOutside
    }

    private mutating func writeList<Element>(
        _ values: [Element], _ writeElement: (inout MemberWriter, Element) -> Void
    ) {
        buffer.writeStaticString("[")
        for (index, value) in values.enumerated() {
            if index > 0 { buffer.writeStaticString(",") }
            writeElement(&self, value)
        }
        buffer.writeStaticString("]")
    }

    private mutating func writeNull(_ name: StaticString) {
        writeName(name)
        buffer.writeStaticString("null")
    }

    /// Names are literals of this project and need no escapes.
    private mutating func writeName(_ name: StaticString) {
        // In one go: what an answer consists of is names, mostly.
        let count = name.utf8CodeUnitCount
        let quote = UInt8(ascii: "\"")
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count + 4) { [isFirst] text in
            let start = isFirst ? 0 : 1
            if !isFirst { text[0] = UInt8(ascii: ",") }
            text[start] = quote
            UnsafeMutableRawBufferPointer(rebasing: text[(start + 1)...])
                .copyMemory(from: UnsafeRawBufferPointer(start: name.utf8Start, count: count))
            text[start + count + 1] = quote
            text[start + count + 2] = UInt8(ascii: ":")
            return start + count + 3
        }
        isFirst = false
    }

    private mutating func writeText(_ text: String) {
        buffer.writeStaticString("\"")
        if text.utf8.contains(where: \.needsEscape) {
            for byte in text.utf8 { writeEscaped(byte) }
        } else {
            buffer.writeString(text)
        }
        buffer.writeStaticString("\"")
    }

    private mutating func writeEscaped(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): buffer.writeStaticString("\\\"")
        case UInt8(ascii: "\\"): buffer.writeStaticString("\\\\")
        case UInt8(ascii: "\n"): buffer.writeStaticString("\\n")
        case 0..<0x20:
            buffer.writeString(byte < 0x10 ? "\\u000" : "\\u00")
            buffer.writeString(String(byte, radix: 16))
        default: buffer.writeInteger(byte)
        }
    }
}

extension UInt8 {
    fileprivate var needsEscape: Bool {
        self < 0x20 || self == UInt8(ascii: "\"") || self == UInt8(ascii: "\\")
    }
}
