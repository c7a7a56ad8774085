import NIOCore
import Synchronization

/// A network that holds back each round trip of a client until it is let through.
package struct StepProxy: Sendable {
    /// The database's URI by way of this proxy.
    package let url: String
    fileprivate let gate: Gate

    /// Whether a round trip is held back.
    package var isHolding: Bool { gate.isHolding }

    /// From now on each round trip is held back.
    package func close() { gate.close() }

    /// Lets through what is held back, and all that comes.
    package func open() { gate.open() }

    /// Lets the round trip through that is held back.
    package func letThrough() { gate.letThrough() }
}

/// Calls `body` with a proxy in front of the database's server, open at first.
package func withStepProxy<Result>(
    to database: TestDatabase, tampering: [Tampering] = [],
    _ body: (StepProxy) async throws -> Result
) async throws -> Result {
    let gate = Gate()
    return try await withProxy(
        to: database, tampering: tampering,
        links: { StepLink(client: $0, server: $1, gate: gate) },
        { try await body(StepProxy(url: $0, gate: gate)) })
}

/// What the proxy's connections share.
private final class Gate: Sendable {
    private let isClosed = Mutex(false)
    private let held = HeldBack()

    var isHolding: Bool { !held.isEmpty }

    func close() { isClosed.withLock { $0 = true } }

    func open() {
        isClosed.withLock { $0 = false }
        letThrough()
    }

    func letThrough() { held.letThrough() }

    /// Holds a round trip back, if any is.
    func holds(_ pass: @escaping @Sendable () -> Void) -> Bool {
        isClosed.withLock { isClosed in
            if isClosed { held.append(pass) }
            return isClosed
        }
    }
}

/// One client's connection and the one to the server that belongs to it, on one event loop.
private final class StepLink: ProxyLink {
    private let client: any Channel
    private let server: any Channel
    private let gate: Gate
    /// What has come of the round trip that is held back.
    private let held = Mutex<ByteBuffer?>(nil)

    init(client: any Channel, server: any Channel, gate: Gate) {
        self.client = client
        self.server = server
        self.gate = gate
    }

    func request(_ message: WireMessage, startsRoundTrip: Bool) {
        if startsRoundTrip, gate.holds({ [self] in server.eventLoop.execute { self.pass() } }) {
            held.withLock { $0 = ByteBuffer() }
        }
        let isHeld = held.withLock { held in
            held?.writeImmutableBuffer(message.bytes)
            return held != nil
        }
        if !isHeld { server.write(message.bytes, promise: nil) }
    }

    func answer(_ message: WireMessage) { client.write(message.bytes, promise: nil) }

    func clientLeft() { server.close(promise: nil) }

    private func pass() {
        let request = held.withLock { held in
            defer { held = nil }
            return held
        }
        if let request { server.writeAndFlush(request, promise: nil) }
    }
}
