import NIOCore
import NIOPosix
import Synchronization

/// What listens where a Redis server should, and is none. The real ones cannot be made to lie.
enum Lie: CaseIterable, Sendable {
    /// Grants whatever it is asked for.
    case grants
    /// Refuses whatever it is asked for.
    case refuses
    /// Sends an answer that never ends, byte by byte.
    case dribbles
    /// Announces an answer of nine gigabytes, and begins with it.
    case floods
    /// Announces a list of two thousand million answers.
    case lists
    /// Quotes what it was sent to log in.
    case quotes
    /// Grants what is not called "no"; its first connection breaks off in the middle of a release.
    case breaksOff

    /// What it says to a command; nil to go on for ever.
    fileprivate func answer(to command: String) -> String? {
        let isFirst = !command.contains("SET") && !command.contains("EVAL")
        switch self {
        case .quotes: return "-ERR unknown command 'AUTH', with args beginning with: \(command)\r\n"
        case _ where isFirst:
            let info = "run_id:\(ObjectIdentifier(LyingHandler.self).hashValue)-\(self)\r\n"
            return "$\(info.utf8.count)\r\n\(info)\r\n"
        case .breaksOff where command.contains("EVAL"): return ":1\r\n"
        case .breaksOff: return command.contains(" no\r\n") ? "$-1\r\n" : "+OK\r\n"
        case .grants: return "+OK\r\n"
        case .refuses: return "$-1\r\n"
        case .floods: return "$9000000000\r\n" + String(repeating: "x", count: 1 << 20)
        case .lists: return "*2147483647\r\n"
        case .dribbles: return nil
        }
    }
}

private final class LyingHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let lie: Lie
    private let hasBroken: Flag
    private var releases = 0

    init(_ lie: Lie, _ hasBroken: Flag) {
        self.lie = lie
        self.hasBroken = hasBroken
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let text = String(buffer: unwrapInboundIn(data))
        for command in text.split(separator: "*") {
            if lie == .breaksOff, command.contains("EVAL") {
                releases += 1
                if releases == 4, hasBroken.raise() { return context.close(promise: nil) }
            }
            if let answer = lie.answer(to: String(command)) {
                context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)), promise: nil)
            } else {
                dribble(on: context)
            }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func dribble(on context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "+")), promise: nil)
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        let here = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .milliseconds(10)) {
            handler.value.dribble(on: here.value)
        }
    }
}

/// Calls `body` with the port of such a server.
func withLyingServer<Result: Sendable>(
    _ lie: Lie, _ body: (_ port: Int) async throws -> Result
) async throws -> Result {
    let hasBroken = Flag()
    let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(LyingHandler(lie, hasBroken))
            }
        }
        .bind(host: "127.0.0.1", port: 0).get()
    let result: Swift.Result<Result, any Error>
    do {
        result = .success(try await body(channel.localAddress?.port ?? 0))
    } catch {
        result = .failure(error)
    }
    try await channel.close()
    return try result.get()
}

/// Raised once.
private final class Flag: Sendable {
    private let isRaised = Atomic(false)

    /// - Returns: Whether it was not raised before.
    func raise() -> Bool { !isRaised.exchange(true, ordering: .relaxed) }
}
