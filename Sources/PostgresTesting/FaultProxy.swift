import NIOCore
import Synchronization

/// A network between a client and the test server that fails at a chosen moment.
///
/// It passes bytes on both ways until a fault is armed; the next request of any client then meets it,
/// once.
package struct FaultProxy: Sendable {
    /// What happens to the next request.
    package enum Fault: Sendable {
        /// It reaches the server; the client is cut off when the answer comes, and never sees it.
        case loseAnswer
        /// It reaches the server; the client is cut off at once, which the server does not notice.
        case loseClient
        /// It is held back and the client is cut off; ``FaultProxy/deliver()`` passes it on.
        case delayRequest
    }

    /// The database's URI by way of this proxy.
    package let url: String
    fileprivate let faults: Faults

    /// How often a client has sent something after the server had spoken.
    package var roundTrips: Int { faults.roundTrips }

    /// Has the next request meet `fault`, or the one behind the next `passing` round trips.
    package func arm(_ fault: Fault, passing: Int = 0) { faults.arm(fault, passing: passing) }

    /// Passes on what was held back, as a slow network would.
    package func deliver() { faults.late.letThrough() }
}

/// Calls `body` with a proxy in front of the database's server.
package func withFaultProxy<Result>(
    to database: TestDatabase, _ body: (FaultProxy) async throws -> Result
) async throws -> Result {
    let faults = Faults()
    return try await withProxy(
        to: database,
        links: { FaultLink(client: $0, server: $1, faults: faults) },
        { try await body(FaultProxy(url: $0, faults: faults)) })
}

/// What the proxy's connections share.
private final class Faults: Sendable {
    private struct State {
        var armed: (fault: FaultProxy.Fault, passing: Int)?
        var roundTrips = 0
    }

    private let state = Mutex(State())
    /// What is delivered late.
    let late = HeldBack()

    var roundTrips: Int { state.withLock(\.roundTrips) }

    func arm(_ fault: FaultProxy.Fault, passing: Int) {
        state.withLock { $0.armed = (fault, passing) }
    }

    /// Counts one more round trip.
    /// - Returns: The fault that it meets.
    func beginRoundTrip() -> FaultProxy.Fault? {
        state.withLock { state in
            state.roundTrips += 1
            guard let (fault, passing) = state.armed else { return nil }
            state.armed = passing > 0 ? (fault, passing - 1) : nil
            return passing > 0 ? nil : fault
        }
    }
}

/// One client's connection and the one to the server that belongs to it, on one event loop.
private final class FaultLink: ProxyLink {
    private struct State {
        /// What the round trip now being sent meets, and as much of it as has come.
        var fault: FaultProxy.Fault?
        var request = ByteBuffer()
        /// The client is cut off when the server speaks.
        var losesAnswer = false
        /// The client is gone, and the server has not been told.
        var isOrphaned = false
    }

    private let client: any Channel
    private let server: any Channel
    private let faults: Faults
    private let state = Mutex(State())

    init(client: any Channel, server: any Channel, faults: Faults) {
        self.client = client
        self.server = server
        self.faults = faults
    }

    func request(_ message: WireMessage, startsRoundTrip: Bool) {
        let fault = startsRoundTrip ? faults.beginRoundTrip() : state.withLock(\.fault)
        guard let fault else { return server.write(message.bytes, promise: nil) }
        let request = state.withLock { state in
            state.fault = fault
            state.request.writeImmutableBuffer(message.bytes)
            return state.request
        }
        if message.endsRoundTrip { meet(fault, request) }
    }

    func answer(_ message: WireMessage) {
        let (isOrphaned, losesAnswer) = state.withLock { ($0.isOrphaned, $0.losesAnswer) }
        guard !isOrphaned else { return }
        if losesAnswer {
            client.close(promise: nil)
        } else {
            client.write(message.bytes, promise: nil)
        }
    }

    func clientLeft() {
        if !state.withLock(\.isOrphaned) { server.close(promise: nil) }
    }

    private func meet(_ fault: FaultProxy.Fault, _ request: ByteBuffer) {
        state.withLock { state in
            state.fault = nil
            state.losesAnswer = fault == .loseAnswer
            state.isOrphaned = fault != .loseAnswer
        }
        if fault == .delayRequest {
            faults.late.append { [server] in server.writeAndFlush(request, promise: nil) }
        } else {
            server.writeAndFlush(request, promise: nil)
        }
        if fault != .loseAnswer { client.close(promise: nil) }
    }
}
