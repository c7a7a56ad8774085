import Foundation
import NIOCore
import NIOPosix
import Synchronization

/// A Redis server for one test, which may do to it what it likes.
package final class RedisProcess: Sendable {
    package let port: Int
    private let folder: URL
    private let process = Mutex<Process?>(nil)

    fileprivate init(in folder: URL) async throws {
        port = try await freePort()
        self.folder = folder
    }

    package var url: String { "redis://127.0.0.1:\(port)" }

    /// Starts it with nothing in it; returns once it accepts connections.
    package func start() async throws {
        let new = Process()
        new.executableURL = URL(filePath: "/usr/bin/redis-server")
        new.currentDirectoryURL = folder
        new.arguments = [
            "--port", "\(port)", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
        ]
        let output = Pipe()
        new.standardOutput = output
        new.standardError = output
        new.standardInput = FileHandle.nullDevice
        let (words, heard) = AsyncStream.makeStream(of: Data.self)
        output.fileHandleForReading.readabilityHandler = { handle in
            let data = handle.availableData
            if data.isEmpty {
                handle.readabilityHandler = nil
                heard.finish()
            } else {
                heard.yield(data)
            }
        }
        try new.run()
        process.withLock { $0 = new }
        var said = ""
        for await data in words {
            said += String(decoding: data, as: UTF8.self)
            if said.contains("Ready to accept connections") { return }
        }
        throw Fixture.Mishap()
    }

    /// Ends it at once; what it knew is gone.
    package func kill() { process.withLock { $0.take() }?.end() }

    /// Has it do nothing, and answer nobody, until it is thawed.
    package func freeze() { send(SIGSTOP) }
    package func thaw() { send(SIGCONT) }

    /// Has it forget what it granted, and go on as if nothing had been.
    package func forget() throws { try command("FLUSHALL") }

    /// Has it break all connections, and remember what it granted.
    package func dropClients() throws { try command("CLIENT", "KILL", "TYPE", "normal") }

    private func command(_ words: String...) throws {
        let client = Process()
        client.executableURL = URL(filePath: "/usr/bin/redis-cli")
        client.arguments = ["-p", "\(port)"] + words
        client.standardOutput = FileHandle.nullDevice
        try client.run()
        client.waitUntilExit()
    }

    private func send(_ signal: Int32) {
        process.withLock { process in
            if let process { _ = Glibc.kill(process.processIdentifier, signal) }
        }
    }
}

extension Process {
    fileprivate func end() {
        Glibc.kill(processIdentifier, SIGKILL)
        waitUntilExit()
    }
}

/// Calls `body` with Redis servers that run for this call only.
package func withRedis<Result: Sendable>(
    _ count: Int = 5, _ body: @Sendable ([RedisProcess]) async throws -> Result
) async throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: "redis-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    var servers: [RedisProcess] = []
    let result: Swift.Result<Result, any Error>
    do {
        for _ in 0..<count {
            let server = try await RedisProcess(in: folder)
            servers.append(server)
            try await server.start()
        }
        result = .success(try await body(servers))
    } catch {
        result = .failure(error)
    }
    for server in servers { server.kill() }
    try FileManager.default.removeItem(at: folder)
    return try result.get()
}

/// A port of this machine that nobody listens on now.
package func freePort() async throws -> Int {
    let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .bind(host: "127.0.0.1", port: 0).get()
    let port = channel.localAddress?.port ?? 0
    try await channel.close()
    return port
}
