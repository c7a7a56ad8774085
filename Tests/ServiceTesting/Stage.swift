import Clinic
import HTTPFront
import Postgres
import PostgresTesting

/// A clinic, and instances of the service for those who race in it, each with one connection whose round trips
/// can be held back.
package struct Stage: Sendable {
    /// What somebody does, in the clinic as an instance of its own sees it.
    /// - Returns: What came of it, in a word.
    package typealias Act = @Sendable (Fixture) async throws -> String

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
    ///   - look: Is shown each run, and says whether to go on.
    /// - Returns: How many orders there are.
    package func race(
        _ prepare: @Sendable (Fixture) async throws -> [Act],
        _ look: (RaceRun) async throws -> Bool
    ) async throws -> Int {
        var orders = Orders()
        while true {
            let acts = try await prepare(fixture)
            precondition(acts.count <= instances.count, "more acts than instances")
            let contestants = zip(acts, instances).map { act, instance in
                Contestant(instance.name, by: instance.proxy) { [fixture] in
                    try await act(fixture.moved(to: instance.service))
                }
            }
            let run = try await PostgresTesting.race(
                contestants, in: fixture.service.database, by: &orders)
            let goesOn = try await look(run)
            let isMore = try orders.endRun()
            if !goesOn || !isMore { return orders.runs }
        }
    }
}

/// Calls `body` with a stage for as many as `names` names.
/// - Parameter tampering: What is changed in what their instances say to the server.
package func withStage<Result: Sendable>(
    _ names: [String], tampering: [Tampering] = [],
    _ body: @Sendable (Stage) async throws -> Result
) async throws -> Result {
    try await withService { service in
        let fixture = try await Fixture(service)
        return try await withInstances(names[...], of: fixture, tampering, []) { instances in
            try await body(Stage(fixture: fixture, instances: instances))
        }
    }
}

private func withInstances<Result: Sendable>(
    _ names: ArraySlice<String>, of fixture: Fixture, _ tampering: [Tampering],
    _ instances: [(name: String, proxy: StepProxy, service: Service)],
    _ body: @Sendable ([(name: String, proxy: StepProxy, service: Service)]) async throws -> Result
) async throws -> Result {
    guard let name = names.first else { return try await body(instances) }
    let database = fixture.service.database
    return try await withStepProxy(to: database, tampering: tampering) { proxy in
        try await database.withService({ configuration in
            configuration.url = proxy.url
            configuration.applicationName = name
            configuration.poolSize = 1
            // Whoever is held back must not be ended for it.
            configuration.lockTimeout = .seconds(60)
            configuration.idleInTransactionTimeout = .seconds(60)
            configuration.statementTimeout = .seconds(60)
        }) { pool in
            try await withService(on: database, pool) { service in
                // The connection is there before anybody counts its round trips.
                _ = try await service.send("GET", "/v1/clinics/\(fixture.clinic.id.text)")
                return try await withInstances(
                    names.dropFirst(), of: fixture, tampering,
                    instances + [(name, proxy, service)], body)
            }
        }
    }
}
