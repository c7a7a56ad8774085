import AsyncHTTPClient
import Foundation
import NIOCore
import PostgresTesting
import ServiceTesting

/// HAProxy in front of the instances, as it would be in use: it asks each whether it is ready.
struct LoadBalancer: Sendable {
    let port: Int
    private let statistics: Int
    private let http: HTTPClient
    private let program: Program

    fileprivate init(port: Int, statistics: Int, http: HTTPClient, program: Program) {
        self.port = port
        self.statistics = statistics
        self.http = http
        self.program = program
    }

    /// Returns once it sends requests to so many instances.
    /// - Throws: ``ProgramEnded``.
    func awaitServers(_ count: Int) async throws {
        while try await up() != count {
            guard program.isRunning else { throw ProgramEnded(program: program) }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// How many of the instances it takes for ready; nil if it does not answer yet.
    private func up() async throws -> Int? {
        let request = HTTPClientRequest(url: "http://127.0.0.1:\(statistics)/;csv")
        let answer = try? await http.execute(request, timeout: .seconds(5))
        guard let body = try? await answer?.body.collect(upTo: 1 << 20) else { return nil }
        return String(buffer: body).split(separator: "\n").count { line in
            line.hasPrefix("holdfast,") && !line.hasPrefix("holdfast,BACKEND")
                && line.split(separator: ",").contains("UP")
        }
    }
}

/// Calls `body` with a load balancer in front of the instances.
func withLoadBalancer<Result: Sendable>(
    for instances: Instances, in folder: URL,
    _ body: @Sendable (LoadBalancer) async throws -> Result
) async throws -> Result {
    let (port, statistics) = try await (freePort(), freePort())
    let file = folder.appending(path: "haproxy.cfg")
    try configuration(at: port, statistics: statistics, for: instances.ports)
        .write(to: file, atomically: true, encoding: .utf8)
    let program = Program(
        URL(filePath: "/usr/sbin/haproxy"), ["-db", "-f", file.path(percentEncoded: false)],
        output: folder.appending(path: "haproxy.log"))
    let result: Swift.Result<Result, any Error>
    do {
        try program.start()
        let balancer = LoadBalancer(
            port: port, statistics: statistics, http: instances.http, program: program)
        try await balancer.awaitServers(instances.ports.count)
        result = .success(try await body(balancer))
    } catch {
        result = .failure(error)
    }
    await program.end(by: SIGKILL)
    return try result.get()
}

/// `deploy/haproxy.cfg` at other addresses, and with a page that tells whom it takes for ready.
private func configuration(at port: Int, statistics: Int, for servers: [Int]) throws -> String {
    var text = try String(
        contentsOfFile: TestServer.project("deploy/haproxy.cfg"), encoding: .utf8)
    for (address, port) in [
        ("bind :8080", port), ("one holdfast:8080", servers[0]),
        ("two holdfast-2:8080", servers[1]),
    ] {
        guard text.contains(address) else { throw AddressMissing(address: address) }
        let name = address.prefix { $0 != " " }
        text.replace(address, with: "\(name) 127.0.0.1:\(port)")
    }
    return text + """

        frontend statistics
            bind 127.0.0.1:\(statistics)
            stats enable
            stats uri /

        """
}

/// `deploy/haproxy.cfg` does not say that any more.
private struct AddressMissing: Error {
    let address: String
}
