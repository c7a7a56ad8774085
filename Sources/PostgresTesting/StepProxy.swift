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
    to database: TestDatabase, _ body: (StepProxy) async throws -> Result
) async throws -> Result {
    let gate = Gate()
    return try await withProxy(
        to: database,
        links: { StepLink(client: $0, server: $1, gate: gate) },
        { try await body(StepProxy(url: $0, gate: gate)) })
}

/// What the proxy's connections share.
private final class Gate: Sendable {
    private struct State {
        var isClosed = false
        var held: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())

    var isHolding: Bool { state.withLock { !$0.held.isEmpty } }

    func close() { state.withLock { $0.isClosed = true } }

    func open() {
        state.withLock { $0.isClosed = false }
        letThrough()
    }

    func letThrough() {
        let held = state.withLock { state in
            defer { state.held = [] }
            return state.held
        }
        for pass in held { pass() }
    }

    /// Holds a round trip back, if any is.
    func holds(_ pass: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            if state.isClosed { state.held.append(pass) }
            return state.isClosed
        }
    }
}

/// One client's connection and the one to the server that belongs to it, on one event loop.
private final class StepLink: ProxyLink {
    private struct State {
        var serverHasSpoken = true
        /// What has come of the round trip that is held back.
        var held: ByteBuffer?
    }

    private let client: any Channel
    private let server: any Channel
    private let gate: Gate
    private let state = Mutex(State())

    init(client: any Channel, server: any Channel, gate: Gate) {
        self.client = client
        self.server = server
        self.gate = gate
    }

    func request(_ bytes: ByteBuffer) {
        let startsRoundTrip = state.withLock { state in
            defer { state.serverHasSpoken = false }
            return state.serverHasSpoken
        }
        if startsRoundTrip, gate.holds({ [self] in server.eventLoop.execute { self.pass() } }) {
            state.withLock { $0.held = ByteBuffer() }
        }
        let isHeld = state.withLock { state in
            state.held?.writeImmutableBuffer(bytes)
            return state.held != nil
        }
        if !isHeld { server.writeAndFlush(bytes, promise: nil) }
    }

    func answer(_ bytes: ByteBuffer) {
        state.withLock { $0.serverHasSpoken = true }
        client.writeAndFlush(bytes, promise: nil)
    }

    func clientLeft() { server.close(promise: nil) }

    private func pass() {
        let held = state.withLock { state in
            defer { state.held = nil }
            return state.held
        }
        if let held { server.writeAndFlush(held, promise: nil) }
    }
}
