import AsyncHTTPClient
import Foundation
import NIOCore
import ServiceTesting

/// HAProxy in front of the instances, as it would be in use: it asks each whether it is ready.
struct LoadBalancer: Sendable {
    let port: Int
    private let statistics: Int
    private let http: HTTPClient

    fileprivate init(port: Int, statistics: Int, http: HTTPClient) {
        self.port = port
        self.statistics = statistics
        self.http = http
    }

    /// Returns once it sends requests to so many instances.
    func awaitServers(_ count: Int) async throws {
        while try await up() != count { try await Task.sleep(for: .milliseconds(5)) }
    }

    /// How many of the instances it takes for ready; nil if it does not answer yet.
    private func up() async throws -> Int? {
        let request = HTTPClientRequest(url: "http://127.0.0.1:\(statistics)/;csv")
        let answer = try? await http.execute(request, timeout: .seconds(5))
        guard let body = try? await answer?.body.collect(upTo: 1 << 20) else { return nil }
        return String(buffer: body).split(separator: "\n").count { line in
            line.hasPrefix("holdfast,instance-") && line.split(separator: ",").contains("UP")
        }
    }
}

/// Calls `body` with a load balancer in front of the instances.
func withLoadBalancer<Result: Sendable>(
    for instances: Instances, in folder: URL,
    _ body: @Sendable (LoadBalancer) async throws -> Result
) async throws -> Result {
    let (port, statistics) = try await (freePort(), freePort())
    let servers = instances.ports.enumerated().map { place, port in
        "    server instance-\(place) 127.0.0.1:\(port)"
    }
    let file = folder.appending(path: "haproxy.cfg")
    try """
    defaults
        mode http
        timeout connect 2s
        timeout client 30s
        timeout server 30s
        option redispatch

    frontend clinic
        bind 127.0.0.1:\(port)
        default_backend holdfast

    backend holdfast
        option httpchk GET /readyz
        default-server check inter 200ms fall 1 rise 1
    \(servers.joined(separator: "\n"))

    frontend statistics
        bind 127.0.0.1:\(statistics)
        stats enable
        stats uri /

    """.write(to: file, atomically: true, encoding: .utf8)
    let program = Program(
        URL(filePath: "/usr/sbin/haproxy"), ["-db", "-f", file.path(percentEncoded: false)],
        output: folder.appending(path: "haproxy.log"))
    let result: Swift.Result<Result, any Error>
    do {
        try program.start()
        let balancer = LoadBalancer(port: port, statistics: statistics, http: instances.http)
        try await balancer.awaitServers(instances.ports.count)
        result = .success(try await body(balancer))
    } catch {
        result = .failure(error)
    }
    await program.end(by: SIGKILL)
    return try result.get()
}
