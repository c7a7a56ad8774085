import NIOCore
import NIOPosix

/// A client that sends what no HTTP client would.
package struct RawConnection: Sendable {
    private let channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>

    /// Connects to the service.
    package init(to service: Service) async throws {
        channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: "127.0.0.1", port: service.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel(
                        wrappingChannelSynchronously: channel,
                        configuration: .init(isOutboundHalfClosureEnabled: true))
                }
            }
    }

    /// Sends `text` and leaves the connection open.
    package func send(_ text: String) async throws {
        try await channel.channel.writeAndFlush(ByteBuffer(string: text))
    }

    /// Sends `texts`, one after the other, and reads until the service closes the connection.
    /// - Parameters:
    ///   - leaves: Whether to say behind them that no more will come.
    ///   - more: Sent as soon as the service has said something.
    /// - Returns: What it said until then.
    package func converse(
        _ texts: [String] = [], thenLeave leaves: Bool = false, onceAnswered more: [String] = []
    ) async throws -> String {
        try await channel.executeThenClose { inbound, outbound in
            for text in texts { try await outbound.write(ByteBuffer(string: text)) }
            if leaves { outbound.finish() }
            var said = ""
            var more = more[...]
            do {
                for try await bytes in inbound {
                    said += String(buffer: bytes)
                    if let next = more.popFirst() {
                        try await outbound.write(ByteBuffer(string: next))
                    }
                }
            } catch is IOError {
                // Reset instead of closed: what was said counts.
            }
            return said
        }
    }

    package func close() async throws { try await channel.channel.close() }
}
