import NIOCore

/// One message of PostgreSQL's protocol, whole.
///
/// Source: PostgreSQL's documentation, "Message Formats".
struct WireMessage: Sendable {
    /// As it travels, with its type and its length.
    var bytes: ByteBuffer
    /// Its first byte; nil for what opens a connection, which has no type.
    let type: UInt8?

    init(bytes: ByteBuffer, type: UInt8?) {
        self.bytes = bytes
        self.type = type
    }

    /// Whether the client waits for answers behind it: it opens the connection, or ends a pipeline.
    var endsRoundTrip: Bool {
        type == nil || type == UInt8(ascii: "S") || type == UInt8(ascii: "Q")
    }

    /// The statement that it has the server prepare.
    var statement: String? {
        guard type == UInt8(ascii: "P"), let (_, text) = statementRange else { return nil }
        return bytes.getString(at: text.lowerBound, length: text.count)
    }

    /// What it calls the statement that it has the server prepare.
    var preparedName: String? { type == UInt8(ascii: "P") ? statementRange?.name : nil }

    /// The prepared statement whose parameters it binds.
    var boundName: String? {
        guard type == UInt8(ascii: "B") else { return nil }
        return statementRange.flatMap { _, name in
            bytes.getString(at: name.lowerBound, length: name.count)
        }
    }

    /// The same, of another statement. The types of its parameters stay.
    func replacing(statement: String) -> WireMessage {
        guard let (name, range) = statementRange else { return self }
        let body = ByteBuffer(string: name + "\0" + statement + "\0")
        let types = bytes.getSlice(
            at: range.upperBound + 1, length: bytes.writerIndex - range.upperBound - 1)
        var replaced = ByteBuffer()
        replaced.writeInteger(UInt8(ascii: "P"))
        replaced.writeInteger(Int32(4 + body.readableBytes + (types?.readableBytes ?? 0)))
        replaced.writeImmutableBuffer(body)
        if let types { replaced.writeImmutableBuffer(types) }
        return WireMessage(bytes: replaced, type: type)
    }

    /// What became of a command.
    var commandTag: String? {
        guard type == UInt8(ascii: "C") else { return nil }
        return bytes.getNullTerminatedString(at: bytes.readerIndex + 5)
    }

    /// Why something failed.
    var sqlState: String? {
        guard type == UInt8(ascii: "E") else { return nil }
        var fields = bytes
        fields.moveReaderIndex(forwardBy: 5)
        while let code: UInt8 = fields.readInteger(), code != 0 {
            guard let field = fields.readNullTerminatedString() else { return nil }
            if code == UInt8(ascii: "C") { return field }
        }
        return nil
    }

    init(commandTag: String) {
        var bytes = ByteBuffer()
        bytes.writeInteger(UInt8(ascii: "C"))
        bytes.writeInteger(Int32(4 + commandTag.utf8.count + 1))
        bytes.writeNullTerminatedString(commandTag)
        self.init(bytes: bytes, type: UInt8(ascii: "C"))
    }

    /// The first text, and where the second one is: a statement's name and its text, or a portal and the name
    /// of its statement.
    private var statementRange: (name: String, text: Range<Int>)? {
        let start = bytes.readerIndex + 5
        guard let name = bytes.getNullTerminatedString(at: start) else { return nil }
        let text = start + name.utf8.count + 1
        guard let length = bytes.getNullTerminatedString(at: text)?.utf8.count else { return nil }
        return (name, text..<text + length)
    }
}

/// Cuts what comes over one connection, from one side, into messages.
struct WireMessages {
    private var rest = ByteBuffer()
    /// Whether what comes next has no type: what opens a connection.
    private var isOpening: Bool

    /// - Parameter isClient: Whose side it is.
    init(ofClient isClient: Bool) { isOpening = isClient }

    /// The messages that are whole now.
    mutating func append(_ bytes: ByteBuffer) -> [WireMessage] {
        rest.writeImmutableBuffer(bytes)
        var messages: [WireMessage] = []
        while let message = next() { messages.append(message) }
        rest.discardReadBytes()
        return messages
    }

    private mutating func next() -> WireMessage? {
        let head = isOpening ? 0 : 1
        guard
            let length = rest.getInteger(at: rest.readerIndex + head, as: Int32.self),
            let type = rest.getInteger(at: rest.readerIndex, as: UInt8.self),
            let bytes = rest.readSlice(length: head + Int(length))
        else { return nil }
        defer { isOpening = false }
        return WireMessage(bytes: bytes, type: isOpening ? nil : type)
    }
}
