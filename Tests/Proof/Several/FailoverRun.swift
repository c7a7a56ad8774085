import Foundation
import PostgresTesting
import ServiceTesting

/// The primary dies under load and the standby takes its place, over and over.
package struct FailoverRun: Sendable {
    let rounds: Int
    let clients: Int

    package init(rounds: Int, clients: Int = 64) {
        self.rounds = rounds
        self.clients = clients
    }

    /// What came of one failover.
    package struct Round: Sendable {
        package let result: LoadResult
        /// From the promotion's end to the first appointment that was acknowledged.
        package let recovery: Duration
    }

    /// - Parameters:
    ///   - folder: Keeps what the programs say.
    ///   - progress: Is told what came of each round.
    package func run(
        in folder: URL, progress: @escaping @Sendable (Round) -> Void = { _ in }
    ) async throws -> [Round] {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return try await withReplicatedServer { server in
            try await withInstances(on: server.database.url, in: folder) { instances in
                var results: [Round] = []
                for round in 1...rounds {
                    let result = try await fail(server, instances)
                    results.append(result)
                    progress(result)
                    if round < rounds { try await server.replaceStandby() }
                }
                return results
            }
        }
    }

    private func fail(_ server: ReplicatedServer, _ instances: Instances) async throws -> Round {
        let database = server.database
        let scene = try await withService(on: database, database.service) {
            try await LoadScene(in: $0, patients: 20_000)
        }
        let load = BookingLoad(scene, http: instances.http, ports: instances.ports)
        async let working: Void = load.run(clients: clients)
        defer { load.stop() }
        try await load.acknowledge(500)
        try await server.killPrimary()
        try await server.promoteStandby()
        let promoted = ContinuousClock.now
        // Sent before or behind it: either way the new primary has it.
        try await load.acknowledge(1)
        let recovery = ContinuousClock.now - promoted
        try await load.acknowledge(500)
        load.stop()
        await working
        return Round(
            result: try await LoadResult(of: load, scene, in: database), recovery: recovery)
    }
}

extension FailoverRun.Round: CustomStringConvertible {
    package var description: String {
        "\(result), serving \((recovery / .milliseconds(1)).rounded()) ms behind the promotion"
    }
}
