import CHiredis

/// Why a Redis server does not answer, in words of the library's.
struct RedisUnreachable: Error, CustomStringConvertible {
    let description: String
}

/// A connection to a Redis server. It blocks, and belongs to one thread.
///
/// No command waits longer than its timeout for any single read or write; after a failure the connection is
/// good for nothing more.
final class RedisConnection {
    private let context: UnsafeMutablePointer<redisContext>

    /// Connects and logs in.
    /// - Parameter timeout: Of the connecting, and of each read and write later.
    init(to url: RedisURL, connectTimeout: Duration, timeout: Duration) throws(RedisUnreachable) {
        guard
            let context = redisConnectWithTimeout(
                url.host, Int32(url.port), timeval(connectTimeout))
        else { throw RedisUnreachable(description: "out of memory") }
        self.context = context
        guard context.pointee.err == 0, redisSetTimeout(context, timeval(timeout)) == REDIS_OK
        else {
            throw failure
        }
        var greeting: [[String]] = []
        if let password = url.password {
            greeting.append(["AUTH"] + (url.user.map { [$0] } ?? []) + [password])
        }
        if url.database != 0 { greeting.append(["SELECT", "\(url.database)"]) }
        for case .error(let words) in try perform(greeting) {
            throw RedisUnreachable(description: words)
        }
    }

    deinit { redisFree(context) }

    /// Sends commands together, and gives what is said to each.
    /// - Parameter commands: Each is its name and arguments.
    func perform(_ commands: [[String]]) throws(RedisUnreachable) -> [RedisReply] {
        for command in commands { try append(command) }
        var replies: [RedisReply] = []
        for _ in commands { replies.append(try nextReply()) }
        return replies
    }

    /// The seconds that the server has been up, as it counts them.
    func uptime() throws(RedisUnreachable) -> Int {
        let line = "uptime_in_seconds:"
        guard case .text(let info)? = try perform([["INFO", "server"]]).first,
            let uptime = info.split(whereSeparator: \.isNewline).first(where: { $0.hasPrefix(line) }
            ),
            let seconds = Int(uptime.dropFirst(line.count))
        else { throw RedisUnreachable(description: "it does not say how long it has been up") }
        return seconds
    }

    private func append(_ command: [String]) throws(RedisUnreachable) {
        let words = command.map { ContiguousArray($0.utf8CString) }
        // Without the zero at the end.
        let lengths = words.map { $0.count - 1 }
        let result = withPointers(to: words[...], []) { pointers in
            var pointers = pointers
            return redisAppendCommandArgv(context, Int32(words.count), &pointers, lengths)
        }
        guard result == REDIS_OK else { throw failure }
    }

    private func nextReply() throws(RedisUnreachable) -> RedisReply {
        var reply: UnsafeMutableRawPointer?
        guard redisGetReply(context, &reply) == REDIS_OK, let reply else { throw failure }
        defer { freeReplyObject(reply) }
        return RedisReply(reply.load(as: redisReply.self))
    }

    private var failure: RedisUnreachable {
        let words = withUnsafeBytes(of: context.pointee.errstr) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        return RedisUnreachable(description: words.isEmpty ? "it does not answer" : words)
    }
}

/// Calls `body` with pointers to all the words, which are good for this call only.
private func withPointers<Result>(
    to words: ArraySlice<ContiguousArray<CChar>>, _ pointers: [UnsafePointer<CChar>?],
    _ body: ([UnsafePointer<CChar>?]) -> Result
) -> Result {
    guard let word = words.first else { return body(pointers) }
    return word.withUnsafeBufferPointer { buffer in
        withPointers(to: words.dropFirst(), pointers + [buffer.baseAddress], body)
    }
}

extension timeval {
    fileprivate init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self.init(tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
    }
}
