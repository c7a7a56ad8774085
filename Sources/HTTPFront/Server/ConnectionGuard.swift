import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// Watches over one connection: cuts off clients that are too slow, and answers what is not HTTP with
/// problem details, because no route will.
///
/// ```
///   opened ── head ──▶ reading ── end ──▶ answering ── response ──▶ idle ── head ──▶ reading
///      headTimeout   bodyTimeout      (the service's own limits)     idleTimeout
/// ```
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
    private var timer: Scheduled<Void>?
    /// Requests whose response has not ended; several if the client sends ahead.
    private var unanswered = 0
    private var isReading = false
    private var isResponding = false

    init(limits: Limits, newRequestID: @escaping @Sendable () -> String) {
        self.limits = limits
        self.newRequestID = newRequestID
    }

    func handlerAdded(context: ChannelHandlerContext) {
        close(in: limits.headTimeout, context)
    }

    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            unanswered += 1
            isReading = true
            schedule(in: limits.bodyTimeout, context) { [self] in
                refuse(.requestTimeout, context)
            }
        case .body: break
        case .end:
            isReading = false
            timer?.cancel()
            if unanswered == 0 { close(in: limits.idleTimeout, context) }
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head: isResponding = true
        case .body: break
        case .end:
            isResponding = false
            unanswered -= 1
            if unanswered == 0 {
                close(in: isReading ? limits.lingerTimeout : limits.idleTimeout, context)
            }
        }
        context.write(data, promise: promise)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case is IOError, is ChannelError: context.fireErrorCaught(error)
        case HTTPParserError.headerOverflow: refuse(.headersTooLarge, context)
        default: refuse(.malformedRequest, context)
        }
    }

    /// Answers in the service's place, unless it is answering already, and closes the connection.
    private func refuse(_ problem: Problem, _ context: ChannelHandlerContext) {
        timer?.cancel()
        if !isResponding && unanswered <= 1 {
            let body = problem.body(instance: "/")
            var head = HTTPResponse(status: problem.status)
            head.headerFields = problem.fields
            head.headerFields[.contentLength] = "\(body.readableBytes)"
            head.headerFields[.connection] = "close"
            head.headerFields[.requestID] = newRequestID()
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.write(wrapOutboundOut(.body(body)), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
        context.close(promise: nil)
    }

    private func close(in duration: Duration, _ context: ChannelHandlerContext) {
        schedule(in: duration, context) { context.close(promise: nil) }
    }

    /// Replaces what was to happen later.
    private func schedule(
        in duration: Duration, _ context: ChannelHandlerContext,
        _ action: @escaping () -> Void
    ) {
        timer?.cancel()
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(duration), action)
    }
}
