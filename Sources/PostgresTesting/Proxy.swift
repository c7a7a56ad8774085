import Foundation
import NIOCore
import NIOPosix

/// What one client says to the server and the server to it, message by message, and what becomes of that. All
/// is called on the event loop of both connections, which are flushed when several messages came at once.
protocol ProxyLink: AnyObject, Sendable {
    /// - Parameter startsRoundTrip: Whether the client had ended the one before.
    func request(_ message: WireMessage, startsRoundTrip: Bool)
    func answer(_ message: WireMessage)
    func clientLeft()
}

/// Calls `body` with the database's URI by way of a proxy.
/// - Parameter tampering: What is changed before the link sees it; in answers the last one comes first.
func withProxy<Result>(
    to database: TestDatabase, tampering: [Tampering] = [],
    links: @escaping @Sendable (_ client: any Channel, _ server: any Channel) -> any ProxyLink,
    _ body: (_ url: String) async throws -> Result
) async throws -> Result {
    let server = try serverAddress(of: database.url)
    let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .childChannelOption(.autoRead, value: false)
        .childChannelInitializer { client in
            ClientBootstrap(group: client.eventLoop).connect(to: server).flatMapThrowing { server in
                let link = links(client, server)
                try client.pipeline.syncOperations.addHandler(
                    FromClient(link: link, server: server, tampering: tampering))
                try server.pipeline.syncOperations.addHandler(
                    FromServer(link: link, client: client, tampering: tampering))
                try client.syncOptions?.setOption(.autoRead, value: true)
            }
        }
        .bind(host: "127.0.0.1", port: 0).get()
    let result: Swift.Result<Result, any Error>
    do {
        let port = listener.localAddress?.port ?? 0
        result = .success(try await body(byWay(of: port, database.url)))
    } catch {
        result = .failure(error)
    }
    try await listener.close()
    return try result.get()
}

/// Where the server of a URI listens: on a socket in the folder that it names, or at its host.
private func serverAddress(of url: String) throws -> SocketAddress {
    let components = URLComponents(string: url)
    let port = components?.port ?? 5432
    let folder = components?.queryItems?.first { $0.name == "host" }?.value
    if let folder {
        return try SocketAddress(unixDomainSocketPath: "\(folder)/.s.PGSQL.\(port)")
    }
    return try SocketAddress.makeAddressResolvingHost(components?.host ?? "127.0.0.1", port: port)
}

/// The same URI, but for the server's address, and in the clear: a proxy reads what is said.
private func byWay(of port: Int, _ url: String) -> String {
    guard var components = URLComponents(string: url) else { return url }
    components.host = "127.0.0.1"
    components.port = port
    components.queryItems =
        (components.queryItems ?? []).filter { $0.name != "host" } + [
            URLQueryItem(name: "sslmode", value: "disable"),
            URLQueryItem(name: "gssencmode", value: "disable"),
        ]
    return components.string ?? url
}

private final class FromClient: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let link: any ProxyLink
    private let server: any Channel
    private var messages = WireMessages(ofClient: true)
    private let tampering: [Tampering]
    private var startsRoundTrip = true

    init(link: any ProxyLink, server: any Channel, tampering: [Tampering]) {
        self.link = link
        self.server = server
        self.tampering = tampering
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        for message in messages.append(unwrapInboundIn(data)) {
            let said = tampering.reduce(message) { $1.request($0) }
            link.request(said, startsRoundTrip: startsRoundTrip)
            startsRoundTrip = message.endsRoundTrip
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) { server.flush() }

    func channelInactive(context: ChannelHandlerContext) { link.clientLeft() }
}

private final class FromServer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let link: any ProxyLink
    private let client: any Channel
    private let tampering: [Tampering]
    private var messages = WireMessages(ofClient: false)

    init(link: any ProxyLink, client: any Channel, tampering: [Tampering]) {
        self.link = link
        self.client = client
        self.tampering = tampering
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        for message in messages.append(unwrapInboundIn(data)) {
            let told = tampering.reversed().reduce(Optional(message)) { said, next in
                said.flatMap(next.answer)
            }
            if let told { link.answer(told) }
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) { client.flush() }

    func channelInactive(context: ChannelHandlerContext) { client.close(promise: nil) }
}
