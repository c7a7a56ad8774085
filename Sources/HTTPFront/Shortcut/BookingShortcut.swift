import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Takes plain bookings out of a connection's requests and answers them here, below the router: of what a
/// request costs the service, the router's machinery is the larger half, and bookings come by thousands.
///
/// It never decides what the routes would decide otherwise: whatever is not plain, before or behind the
/// attempt, goes the long way as if this were not here.
///
/// ```
///            plain head             end            answer
///   open ───────────────▶ reading ───────▶ booking ───────▶ open
///    │                        │               │ not plain, or its key is in use
///    │ other head             │ too large     ▼
///    └──────▶ passing ◀───────┴────────── the long way
/// ```
///
/// Answers keep the order of requests: nothing is taken while the routes owe one, and what comes behind a
/// booking waits here until that is answered.
final class BookingShortcut: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private enum State {
        case open
        /// The rest of a request that goes the long way.
        case passing
        case reading(PlainBooking, HTTPRequest, ByteBuffer)
        case booking
    }

    /// What else happened while a booking was made.
    private enum Event {
        case user(Any)
        case error(any Error)
    }

    /// A body that is longer is not plain, in bytes.
    private static let bodyLimit = 2048

    private let bookings: PlainBookings
    private var state = State.open
    /// Requests that went the long way and are not answered yet.
    private var unanswered = 0
    /// What came behind the booking.
    private var later = CircularBuffer<HTTPRequestPart>()
    private var events: [Event] = []
    private var wantsRead = false
    private var context: ChannelHandlerContext?

    init(_ bookings: PlainBookings) { self.bookings = bookings }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .booking = state { return later.append(unwrapInboundIn(data)) }
        take(unwrapInboundIn(data), context)
    }

    private func take(_ part: HTTPRequestPart, _ context: ChannelHandlerContext) {
        switch (state, part) {
        case (.open, .head(let head)):
            guard unanswered == 0, let booking = bookings.read(head) else {
                return passOn([part], context)
            }
            state = .reading(booking, head, ByteBuffer())
        case (.reading(let booking, let head, var body), .body(let more)):
            guard body.readableBytes + more.readableBytes <= Self.bodyLimit else {
                return passOn([.head(head), .body(body), part], context)
            }
            body.writeImmutableBuffer(more)
            state = .reading(booking, head, body)
        case (.reading(let booking, let head, let body), .end):
            state = .booking
            book(booking, [.head(head), .body(body), part], body, context)
        default: passOn([part], context)
        }
    }

    /// Has the routes answer.
    private func passOn(_ parts: [HTTPRequestPart], _ context: ChannelHandlerContext) {
        for part in parts {
            switch part {
            case .head:
                unanswered += 1
                state = .passing
            case .body: break
            case .end: state = .open
            }
            context.fireChannelRead(wrapInboundOut(part))
        }
    }

    private func book(
        _ booking: PlainBooking, _ parts: [HTTPRequestPart], _ body: ByteBuffer,
        _ context: ChannelHandlerContext
    ) {
        let loop = context.eventLoop
        let this = NIOLoopBound(self, eventLoop: loop)
        bookings.book(booking, body) { answer in
            // The answers of a batch come one behind the other, and wake the loop once.
            loop.execute { this.value.finish(answer, parts) }
        }
    }

    private func finish(_ answer: PlainBookings.Answer?, _ parts: [HTTPRequestPart]) {
        // The connection may be gone.
        guard let context else { return }
        state = .open
        if let answer {
            context.write(wrapOutboundOut(.head(answer.head)), promise: nil)
            context.write(wrapOutboundOut(.body(answer.body)), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        } else {
            passOn(parts, context)
        }
        goOn(context)
    }

    /// Lets happen what was put off, up to the next booking.
    private func goOn(_ context: ChannelHandlerContext) {
        while !later.isEmpty {
            if case .booking = state { return }
            take(later.removeFirst(), context)
        }
        if case .booking = state { return }
        context.fireChannelReadComplete()
        let events = events
        self.events = []
        for event in events { pass(event, context) }
        if wantsRead {
            wantsRead = false
            context.read()
        }
    }
}

// MARK: - What else happens to the connection

extension BookingShortcut {
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        pass(.user(event), context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        pass(.error(error), context)
    }

    func write(
        context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?
    ) {
        if case .end = unwrapOutboundIn(data) { unanswered -= 1 }
        context.write(data, promise: promise)
    }

    /// Nothing more is read while there is nobody to take it.
    func read(context: ChannelHandlerContext) {
        if case .booking = state { wantsRead = true } else { context.read() }
    }

    private func pass(_ event: Event, _ context: ChannelHandlerContext) {
        switch state {
        case .booking: return events.append(event)
        // Whoever is told has to know what it is about.
        case .reading(_, let head, let body): passOn([.head(head), .body(body)], context)
        case .open, .passing: break
        }
        switch event {
        case .user(let event): context.fireUserInboundEventTriggered(event)
        case .error(let error): context.fireErrorCaught(error)
        }
    }
}
