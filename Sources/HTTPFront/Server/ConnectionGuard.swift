import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// Watches over one connection: cuts off clients that are too slow, and answers what cannot be read
/// with problem details, because no route will.
///
/// ```
///   opened ── head ──▶ reading ── end ──▶ answering ── response ──▶ idle ── head ──▶ reading
///      headTimeout   bodyTimeout      (the service's own limits)     idleTimeout
/// ```
///
/// A message that breaks off is an error to whoever reads its body, never its end: what was answered
/// 4xx must not take effect. Requests that came whole before it are answered first, in order.
///
/// A response that comes before the request's end, such as a refusal of a body that is too large,
/// leaves `lingerTimeout` for the rest: closing at once could take the response from a client that is
/// still sending.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let limits: Limits
    private let newRequestID: @Sendable () -> String
    /// For what the client is to send next.
    private let timer = MovingDeadline()
    /// For the client to read what it was sent.
    private let stall = MovingDeadline()
    /// Messages whose response has not ended; several if the client sends ahead.
    private var unanswered = 0
    private var isReading = false
    /// Why the last message could not be read; nothing behind it is.
    private var failure: Problem?
    /// The connection closes once all is answered.
    private var isEnding = false
    private var hasEnded = false

    init(limits: Limits, newRequestID: @escaping @Sendable () -> String) {
        self.limits = limits
        self.newRequestID = newRequestID
    }

    func handlerAdded(context: ChannelHandlerContext) {
        close(in: limits.headTimeout, context)
    }

    func handlerRemoved(context: ChannelHandlerContext) { cancelTimers() }

    func channelInactive(context: ChannelHandlerContext) {
        cancelTimers()
        context.fireChannelInactive()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            stall.lift()
        } else {
            stall.set(in: limits.writeTimeout, on: context.eventLoop) {
                context.close(promise: nil)
            }
        }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case is IOError, is ChannelError: context.fireErrorCaught(error)
        case HTTPParserError.headerOverflow: fail(.headersTooLarge, context)
        default: fail(.malformedRequest, context)
        }
    }

    private func close(in duration: Duration, _ context: ChannelHandlerContext) {
        timer.set(in: duration, on: context.eventLoop) { context.close(promise: nil) }
    }

    private func cancelTimers() {
        timer.cancel()
        stall.cancel()
    }
}

// MARK: - What the client sends

extension ConnectionGuard {
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard failure == nil else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            unanswered += 1
            isReading = true
            isEnding = isEnding || head.isLast
            timer.set(in: limits.bodyTimeout, on: context.eventLoop) { [self] in
                fail(.requestTimeout, context)
            }
        case .body: break
        case .end:
            isReading = false
            timer.lift()
            if unanswered == 0 { close(in: limits.idleTimeout, context) }
        }
        context.fireChannelRead(data)
    }

    /// The message that is being read, or the one that should begin, cannot be read.
    private func fail(_ problem: Problem, _ context: ChannelHandlerContext) {
        guard failure == nil else { return }
        failure = problem
        isEnding = true
        if !isReading { unanswered += 1 }
        // It may have been answered before its end; then `lingerTimeout` runs, and no more is said.
        if unanswered == 0 { hasEnded = true } else { timer.lift() }
        // The server answers a parser's error, too, behind what came whole: see `substitute`.
        context.fireErrorCaught(HTTPParserError.invalidEOFState)
    }
}

extension HTTPRequest {
    /// Whether nothing comes behind it: the parser reads no more behind a request for another
    /// protocol, and without `Host` it is HTTP/1.0, which has one request for each connection.
    fileprivate var isLast: Bool {
        headerFields[.upgrade] != nil || method == .connect || authority == nil
    }
}

// MARK: - What the service answers

extension ConnectionGuard {
    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !hasEnded else {
            promise?.succeed()
            return
        }
        let isLast = isEnding && unanswered == 1
        switch unwrapOutboundIn(data) {
        case .head(var head) where isLast:
            let body = failure.flatMap { substitute($0, for: &head) }
            head.headerFields[.connection] = "close"
            context.write(wrapOutboundOut(.head(head)), promise: promise)
            if let body { context.write(wrapOutboundOut(.body(body)), promise: nil) }
        case .head, .body: context.write(data, promise: promise)
        case .end where isLast: end(data, promise, context)
        case .end:
            unanswered -= 1
            if unanswered == 0 {
                close(in: isReading ? limits.lingerTimeout : limits.idleTimeout, context)
            }
            context.write(data, promise: promise)
        }
    }

    /// Puts the problem in the place of the server's own answer, which is empty.
    /// - Returns: The problem's body; nil if a route has answered, however early.
    private func substitute(_ problem: Problem, for head: inout HTTPResponse) -> ByteBuffer? {
        guard head.headerFields[.requestID] == nil else { return nil }
        let body = problem.body(instance: "/")
        head.status = problem.status
        head.headerFields = problem.fields
        head.headerFields[.contentLength] = "\(body.readableBytes)"
        head.headerFields[.requestID] = newRequestID()
        return body
    }

    /// Writes the last of the last response. The client may be sending still, and has
    /// `lingerTimeout` to find that nobody listens.
    private func end(
        _ data: NIOAny, _ promise: EventLoopPromise<Void>?, _ context: ChannelHandlerContext
    ) {
        unanswered = 0
        hasEnded = true
        close(in: limits.lingerTimeout, context)
        let written = promise ?? context.eventLoop.makePromise()
        written.futureResult.assumeIsolated().whenComplete { _ in
            context.close(mode: .output, promise: nil)
        }
        context.writeAndFlush(data, promise: written)
    }
}
