import Clinic
import HTTPFront
import Postgres
import PostgresTesting

/// A clinic, and instances of the service for those who race in it, each with one connection whose round trips
/// can be held back.
package struct Stage: Sendable {
    /// For whoever prepares and looks afterwards: nothing holds this one back.
    package let fixture: Fixture
    private let instances: [(name: String, proxy: StepProxy, service: Service)]

    fileprivate init(
        fixture: Fixture, instances: [(name: String, proxy: StepProxy, service: Service)]
    ) {
        self.fixture = fixture
        self.instances = instances
    }

    /// Has them act in every order, each time in a scene of its own.
    /// - Parameters:
    ///   - prepare: Makes the scene; gives an act for each instance, of the same clinic.
    ///   - look: Is shown each run.
    /// - Returns: How many orders there are.
    package func race(
        _ prepare: @Sendable (Fixture) async throws -> [@Sendable (Fixture) async throws -> Answer],
        _ look: (RaceRun) async throws -> Void
    ) async throws -> Int {
        var orders = Orders()
        repeat {
            let acts = try await prepare(fixture)
            precondition(acts.count <= instances.count, "more acts than instances")
            let contestants = zip(acts, instances).map { act, instance in
                Contestant(instance.name, by: instance.proxy) { [fixture] in
                    let answer = try await act(fixture.moved(to: instance.service))
                    return answer.problemCode ?? "\(answer.status)"
                }
            }
            let run = try await PostgresTesting.race(
                contestants, in: fixture.service.database, by: &orders)
            try await look(run)
        } while orders.endRun()
        return orders.runs
    }
}

/// Calls `body` with a stage for as many as `names` names.
package func withStage(
    _ names: [String], _ body: @Sendable (Stage) async throws -> Void
) async throws {
    try await withService { service in
        let fixture = try await Fixture(service)
        try await withInstances(names[...], of: fixture, []) { instances in
            try await body(Stage(fixture: fixture, instances: instances))
        }
    }
}

private func withInstances(
    _ names: ArraySlice<String>, of fixture: Fixture,
    _ instances: [(name: String, proxy: StepProxy, service: Service)],
    _ body: @Sendable ([(name: String, proxy: StepProxy, service: Service)]) async throws -> Void
) async throws {
    guard let name = names.first else { return try await body(instances) }
    let database = fixture.service.database
    try await withStepProxy(to: database) { proxy in
        let pool = database.service { configuration in
            configuration.url = proxy.url
            configuration.applicationName = name
            configuration.poolSize = 1
            // Whoever is held back must not be ended for it.
            configuration.lockTimeout = .seconds(60)
            configuration.idleInTransactionTimeout = .seconds(60)
            configuration.statementTimeout = .seconds(60)
        }
        do {
            try await withService(on: database, pool) { service in
                // The connection is there before anybody counts its round trips.
                _ = try await service.send("GET", "/v1/clinics/\(fixture.clinic.id.text)")
                try await withInstances(
                    names.dropFirst(), of: fixture, instances + [(name, proxy, service)], body)
            }
        } catch {
            await pool.close()
            throw error
        }
        await pool.close()
    }
}
