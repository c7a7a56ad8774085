import Foundation
import PostgresTesting
import ServiceTesting

/// Each of two instances is stopped and started again, over and over, while people book through a load
/// balancer.
package struct RollingRun: Sendable {
    let rounds: Int
    let clients: Int

    package init(rounds: Int, clients: Int = 32) {
        self.rounds = rounds
        self.clients = clients
    }

    /// An instance that was told to stop was killed, or ended with an error.
    package struct StoppedBadly: Error {
        package let instance: Int
    }

    /// - Parameter folder: Keeps what the programs say.
    /// - Throws: ``StoppedBadly``.
    package func run(in folder: URL) async throws -> LoadResult {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return try await withTestDatabase { database in
            let scene = try await withService(on: database, database.service) {
                try await LoadScene(in: $0, patients: 20_000)
            }
            return try await withInstances(on: database.url, [], in: folder) { instances in
                try await withLoadBalancer(for: instances, in: folder) { balancer in
                    let load = BookingLoad(
                        scene, http: instances.http, ports: [balancer.port],
                        pause: .milliseconds(100))
                    async let working: Void = load.run(clients: clients)
                    defer { load.stop() }
                    try await load.acknowledge(100)
                    for _ in 1...rounds {
                        for (place, program) in instances.programs.enumerated() {
                            guard await program.end(by: SIGTERM) else {
                                throw StoppedBadly(instance: place)
                            }
                            try await load.acknowledge(50)
                            try program.start()
                            try await instances.awaitReady(place)
                            try await balancer.awaitServers(instances.programs.count)
                            try await load.acknowledge(50)
                        }
                    }
                    load.stop()
                    await working
                    return try await LoadResult(of: load, scene, in: database)
                }
            }
        }
    }
}
