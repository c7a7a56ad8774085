import CHiredis

/// What a Redis server said to one command.
enum RedisReply: Equatable, Sendable {
    case text(String)
    case integer(Int)
    /// There is no such value, or the condition was not met.
    case none
    /// The server refused the command, with these words.
    case error(String)
    /// Something that no command of this module is answered.
    case other

    init(_ reply: redisReply) {
        switch reply.type {
        case REDIS_REPLY_STRING, REDIS_REPLY_STATUS: self = .text(Self.text(of: reply))
        case REDIS_REPLY_INTEGER: self = .integer(Int(reply.integer))
        case REDIS_REPLY_NIL: self = .none
        case REDIS_REPLY_ERROR: self = .error(Self.text(of: reply))
        default: self = .other
        }
    }

    /// The first word of an error, such as `NOAUTH`; nil if it is none. The other words may quote what was sent,
    /// passwords included.
    var errorCode: String? {
        guard case .error(let words) = self else { return nil }
        let code = words.prefix { ("A"..."Z").contains($0) }
        return code.isEmpty ? "an error" : String(code.prefix(20))
    }

    private static func text(of reply: redisReply) -> String {
        let bytes = UnsafeRawBufferPointer(start: reply.str, count: reply.len)
        return String(decoding: bytes, as: UTF8.self)
    }
}
