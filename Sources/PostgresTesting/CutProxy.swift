import NIOCore
import Synchronization

/// A network that breaks off between two messages.
package struct CutProxy: Sendable {
    /// Who speaks.
    package enum Side: String, CaseIterable, Sendable {
        case client, server
    }

    /// The database's URI by way of this proxy.
    package let url: String
    fileprivate let blade: Blade

    /// Cuts a connection, both ways, once `count` more messages of that side have passed: behind the last of
    /// them, or at 0 in front of the next one.
    package func cut(after count: Int, from side: Side) { blade.raise((side, count)) }

    /// Cuts nothing any more.
    /// - Returns: Whether there were so many messages, and a connection was cut.
    package func rest() -> Bool { !blade.lower() }
}

/// Calls `body` with a proxy in front of the database's server that cuts nothing at first.
package func withCutProxy<Result>(
    to database: TestDatabase, tampering: [Tampering] = [],
    _ body: (CutProxy) async throws -> Result
) async throws -> Result {
    let blade = Blade()
    return try await withProxy(
        to: database, tampering: tampering,
        links: { CutLink(client: $0, server: $1, blade: blade) },
        { try await body(CutProxy(url: $0, blade: blade)) })
}

/// What the proxy's connections share.
private final class Blade: Sendable {
    private let left = Mutex<(side: CutProxy.Side, count: Int)?>(nil)

    /// - Returns: Whether it was still raised.
    func lower() -> Bool {
        left.withLock { left in
            defer { left = nil }
            return left != nil
        }
    }

    func raise(_ cut: (side: CutProxy.Side, count: Int)) { left.withLock { $0 = cut } }

    /// Counts a message.
    /// - Returns: Whether it passes, and whether the connection is cut then.
    func pass(_ side: CutProxy.Side) -> (passes: Bool, cuts: Bool) {
        left.withLock { left in
            guard let (awaited, count) = left, awaited == side else { return (true, false) }
            left = count > 1 ? (side, count - 1) : nil
            return (count > 0, count <= 1)
        }
    }
}

/// One client's connection and the one to the server that belongs to it, on one event loop.
private final class CutLink: ProxyLink {
    private let client: any Channel
    private let server: any Channel
    private let blade: Blade
    private let isCut = Mutex(false)

    init(client: any Channel, server: any Channel, blade: Blade) {
        self.client = client
        self.server = server
        self.blade = blade
    }

    func request(_ message: WireMessage, startsRoundTrip: Bool) {
        pass(message, from: .client, to: server)
    }

    func answer(_ message: WireMessage) { pass(message, from: .server, to: client) }

    func clientLeft() { server.close(promise: nil) }

    private func pass(_ message: WireMessage, from side: CutProxy.Side, to other: any Channel) {
        guard !isCut.withLock(\.self) else { return }
        let (passes, cuts) = blade.pass(side)
        if passes { other.write(message.bytes, promise: nil) }
        guard cuts else { return }
        isCut.withLock { $0 = true }
        // What has passed arrives.
        client.writeAndFlush(ByteBuffer(), promise: nil)
        server.writeAndFlush(ByteBuffer()).whenComplete { [client, server] _ in
            server.close(promise: nil)
            client.close(promise: nil)
        }
    }
}
