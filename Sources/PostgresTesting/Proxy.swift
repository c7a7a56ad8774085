import Foundation
import NIOCore
import NIOPosix

/// What one client says to the server and the server to it, and what becomes of that. All is called on the
/// event loop of both connections.
protocol ProxyLink: AnyObject, Sendable {
    func request(_ bytes: ByteBuffer)
    func answer(_ bytes: ByteBuffer)
    func clientLeft()
}

/// Calls `body` with the database's URI by way of a proxy.
func withProxy<Result>(
    to database: TestDatabase,
    links: @escaping @Sendable (_ client: any Channel, _ server: any Channel) -> any ProxyLink,
    _ body: (_ url: String) async throws -> Result
) async throws -> Result {
    let server = try serverAddress(of: database.url)
    let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .childChannelOption(.autoRead, value: false)
        .childChannelInitializer { client in
            ClientBootstrap(group: client.eventLoop).connect(to: server).flatMapThrowing { server in
                let link = links(client, server)
                try client.pipeline.syncOperations.addHandler(FromClient(link: link))
                try server.pipeline.syncOperations.addHandler(
                    FromServer(link: link, client: client))
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

/// The same URI, but for the server's address.
private func byWay(of port: Int, _ url: String) -> String {
    guard var components = URLComponents(string: url) else { return url }
    components.host = "127.0.0.1"
    components.port = port
    components.queryItems?.removeAll { $0.name == "host" }
    return components.string ?? url
}

private final class FromClient: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let link: any ProxyLink

    init(link: any ProxyLink) { self.link = link }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        link.request(unwrapInboundIn(data))
    }

    func channelInactive(context: ChannelHandlerContext) { link.clientLeft() }
}

private final class FromServer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let link: any ProxyLink
    private let client: any Channel

    init(link: any ProxyLink, client: any Channel) {
        self.link = link
        self.client = client
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        link.answer(unwrapInboundIn(data))
    }

    func channelInactive(context: ChannelHandlerContext) { client.close(promise: nil) }
}
