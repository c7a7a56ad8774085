import Foundation
import NIOCore
import Synchronization

/// A network between many connections and a server, whose failures last as long as somebody wants.
package struct UnreliableNetwork: Sendable {
    /// The database's URI by way of this network.
    package let url: String
    fileprivate let weather: Weather

    /// Ends every connection with a reset, in both directions.
    package func reset() { weather.reset() }

    /// From now on nothing gets through, in either direction, and nobody is told.
    package func fallSilent() { weather.fallSilent() }

    /// Whatever was held back arrives after all.
    package func deliver() { weather.deliver() }

    /// Cuts the next clients off that send `COMMIT`, so many of them, as soon as it has reached the server.
    package func cutCommits(_ count: Int) { weather.cutCommits(count) }

    /// How many clients are still to be cut off.
    package var commitsToCut: Int { weather.commitsToCut }
}

/// Calls `body` with a network in front of the database's server that works well at first.
package func withUnreliableNetwork<Result>(
    to database: TestDatabase, _ body: (UnreliableNetwork) async throws -> Result
) async throws -> Result {
    let weather = Weather()
    return try await withProxy(
        to: database,
        links: { WeatherLink(client: $0, server: $1, weather: weather) },
        { try await body(UnreliableNetwork(url: $0, weather: weather)) })
}

/// What the network's connections share.
private final class Weather: Sendable {
    private struct State {
        var links: [ObjectIdentifier: WeatherLink] = [:]
        var isSilent = false
        var commitsToCut = 0
    }

    private let state = Mutex(State())
    private let held = HeldBack()

    var commitsToCut: Int { state.withLock(\.commitsToCut) }

    func join(_ link: WeatherLink) { state.withLock { $0.links[ObjectIdentifier(link)] = link } }

    func leave(_ link: WeatherLink) { state.withLock { $0.links[ObjectIdentifier(link)] = nil } }

    func reset() {
        for link in state.withLock({ Array($0.links.values) }) { link.reset() }
    }

    func fallSilent() { state.withLock { $0.isSilent = true } }

    func deliver() {
        state.withLock { $0.isSilent = false }
        held.letThrough()
    }

    func cutCommits(_ count: Int) { state.withLock { $0.commitsToCut = count } }

    /// Holds something back, if nothing gets through.
    func holds(_ pass: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            if state.isSilent { held.append(pass) }
            return state.isSilent
        }
    }

    func takeCut() -> Bool {
        state.withLock { state in
            guard state.commitsToCut > 0 else { return false }
            state.commitsToCut -= 1
            return true
        }
    }
}

/// One client's connection and the one to the server that belongs to it, on one event loop.
private final class WeatherLink: ProxyLink {
    private struct State {
        /// What the client has called its `COMMIT`.
        var commit: String?
        /// Whether this round trip has it.
        var isCommitting = false
    }

    private let client: any Channel
    private let server: any Channel
    private let weather: Weather
    private let state = Mutex(State())

    init(client: any Channel, server: any Channel, weather: Weather) {
        self.client = client
        self.server = server
        self.weather = weather
        weather.join(self)
    }

    func request(_ message: WireMessage, startsRoundTrip: Bool) {
        let commits = state.withLock { state in
            if message.statement == "COMMIT" { state.commit = message.preparedName }
            if let name = message.boundName, name == state.commit { state.isCommitting = true }
            defer { if message.endsRoundTrip { state.isCommitting = false } }
            return state.isCommitting && message.endsRoundTrip
        }
        send(message, to: server)
        if commits && weather.takeCut() {
            server.flush()
            client.close(promise: nil)
        }
    }

    func answer(_ message: WireMessage) { send(message, to: client) }

    func clientLeft() {
        // Behind what is still on its way; and where nothing gets through, neither does this.
        let leave: @Sendable () -> Void = { [weather, server, self] in
            weather.leave(self)
            server.writeAndFlush(ByteBuffer()).whenComplete { _ in server.close(promise: nil) }
        }
        if !weather.holds(leave) { leave() }
    }

    func reset() {
        for side in [client, server] {
            let socket = side as? any SocketOptionProvider
            _ = socket?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
            side.close(promise: nil)
        }
    }

    private func send(_ message: WireMessage, to channel: any Channel) {
        let isHeld = weather.holds { channel.writeAndFlush(message.bytes, promise: nil) }
        if !isHeld { channel.write(message.bytes, promise: nil) }
    }
}
