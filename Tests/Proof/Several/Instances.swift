import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import PostgresTesting
import ServiceTesting

/// Instances of the service, as processes, and a client for them.
struct Instances: Sendable {
    let programs: [Program]
    let ports: [Int]
    let http: HTTPClient

    /// Returns once one of them says that it is ready.
    /// - Throws: ``ProgramEnded``.
    func awaitReady(_ place: Int) async throws {
        while true {
            guard programs[place].isRunning else { throw ProgramEnded(program: programs[place]) }
            let request = HTTPClientRequest(url: "http://127.0.0.1:\(ports[place])/readyz")
            let answer = try? await http.execute(request, timeout: .seconds(5))
            if answer?.status == .ok { return }
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}

/// Calls `body` with two instances on one database.
/// - Parameters:
///   - more: Further arguments of `holdfast serve`.
///   - folder: Keeps what they say.
func withInstances<Result: Sendable>(
    _ count: Int = 2, on databaseURL: String, _ more: [String] = ["--drain-delay", "0s"],
    environment: [String: String] = [:], in folder: URL,
    _ body: @Sendable (Instances) async throws -> Result
) async throws -> Result {
    var settings = HTTPClient.Configuration()
    settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 2000
    settings.connectionPool.retryConnectionEstablishment = false
    let http = HTTPClient(configuration: settings)
    var ports: [Int] = []
    for _ in 0..<count { ports.append(try await freePort()) }
    let programs = ports.enumerated().map { place, port in
        Program.instance(
            at: port, on: databaseURL, more, environment,
            output: folder.appending(path: "instance-\(place).log"))
    }
    let instances = Instances(programs: programs, ports: ports, http: http)
    let result: Swift.Result<Result, any Error>
    do {
        for program in programs { try program.start() }
        for place in ports.indices { try await instances.awaitReady(place) }
        result = .success(try await body(instances))
    } catch {
        result = .failure(error)
    }
    for program in programs { await program.end(by: SIGKILL) }
    try await http.shutdown()
    return try result.get()
}
