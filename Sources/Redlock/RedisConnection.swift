import CHiredis
import Glibc

/// Why a Redis server is of no use, in words that quote nothing that was sent to it.
struct RedisUnreachable: Error, CustomStringConvertible {
    let description: String

    static let late = RedisUnreachable(description: "it does not answer in time")
    static let garbled = RedisUnreachable(description: "it does not speak as Redis does")
}

/// A connection to a Redis server, of one thread.
///
/// hiredis writes and reads what is there to be written and read; whoever has the connection waits, and so
/// knows for how long. After an error the connection is good for nothing more.
final class RedisConnection {
    private let context: UnsafeMutablePointer<redisContext>
    /// Whether there is something to be written still.
    private(set) var wantsToWrite = false

    /// What no answer exceeds; a server that sends more has lost its mind.
    private static let longestAnswer = 64 * 1024

    /// Connects.
    init(to url: RedisURL, until deadline: ContinuousClock.Instant) throws(RedisUnreachable) {
        guard let context = redisConnectNonBlock(url.host, Int32(url.port)) else {
            throw RedisUnreachable(description: "out of memory")
        }
        self.context = context
        guard context.pointee.err == 0 else { throw failure }
        guard wait(for: POLLOUT, until: deadline) else { throw .late }
        var error: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size)
        guard error == 0 else {
            throw RedisUnreachable(description: String(cString: strerror(error)))
        }
    }

    deinit { redisFree(context) }

    /// The socket.
    var descriptor: Int32 { context.pointee.fd }

    /// Puts commands behind those that were sent before. ``flush()`` writes them.
    /// - Parameter commands: Each is its name and arguments.
    func append(_ commands: [[String]]) throws(RedisUnreachable) {
        for command in commands {
            let words = command.map { ContiguousArray($0.utf8CString) }
            // Without the zero at the end.
            let lengths = words.map { $0.count - 1 }
            let result = withPointers(to: words[...], []) { pointers in
                var pointers = pointers
                return redisAppendCommandArgv(context, Int32(words.count), &pointers, lengths)
            }
            guard result == REDIS_OK else { throw failure }
        }
        wantsToWrite = true
    }

    /// Writes what can be written at once.
    func flush() throws(RedisUnreachable) {
        guard wantsToWrite else { return }
        var isDone: Int32 = 0
        guard redisBufferWrite(context, &isDone) == REDIS_OK else { throw failure }
        wantsToWrite = isDone == 0
    }

    /// Reads what has come.
    /// - Returns: The answers that are whole by now, in the order of the commands.
    func receive() throws(RedisUnreachable) -> [RedisReply] {
        guard redisBufferRead(context) == REDIS_OK else { throw failure }
        var replies: [RedisReply] = []
        while let next = try nextByte() {
            // No command of ours is answered by a list, which might be of any length.
            guard "+-:$".utf8.contains(next) else { throw .garbled }
            var reply: UnsafeMutableRawPointer?
            guard redisGetReplyFromReader(context, &reply) == REDIS_OK else { throw failure }
            guard let reply else { break }
            replies.append(RedisReply(reply.load(as: redisReply.self)))
            freeReplyObject(reply)
        }
        return replies
    }

    /// Sends commands and waits for all their answers.
    func perform(
        _ commands: [[String]], until deadline: ContinuousClock.Instant
    ) throws(RedisUnreachable) -> [RedisReply] {
        try append(commands)
        var replies: [RedisReply] = []
        while replies.count < commands.count {
            try flush()
            guard wait(for: wantsToWrite ? POLLIN | POLLOUT : POLLIN, until: deadline) else {
                throw .late
            }
            if isReadable { replies += try receive() }
        }
        return replies
    }

    /// The first byte of the next answer, whole or not; nil if nothing of it is there.
    private func nextByte() throws(RedisUnreachable) -> UInt8? {
        let reader = context.pointee.reader.pointee
        let length = reader.len - reader.pos
        guard length <= Self.longestAnswer else { throw .garbled }
        // What hiredis has begun to read it does not look at again.
        guard length > 0, reader.ridx == -1 else { return length > 0 ? UInt8(ascii: "+") : nil }
        return UInt8(bitPattern: reader.buf[reader.pos])
    }

    private var isReadable: Bool { wait(for: POLLIN, until: .now) }

    private func wait(for events: Int32, until deadline: ContinuousClock.Instant) -> Bool {
        var descriptor = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        return poll(&descriptor, 1, deadline.millisecondsLeft) > 0
    }

    private var failure: RedisUnreachable {
        let words = withUnsafeBytes(of: context.pointee.errstr) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        // Of its own protocol errors hiredis quotes what it has read.
        return context.pointee.err == REDIS_ERR_PROTOCOL || words.isEmpty
            ? .garbled : RedisUnreachable(description: words)
    }
}

extension ContinuousClock.Instant {
    /// For `poll`: rounded up, and 0 if it is over.
    var millisecondsLeft: Int32 {
        let left = self - .now
        return left <= .zero ? 0 : Int32(clamping: Int(left / .milliseconds(1)) + 1)
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
