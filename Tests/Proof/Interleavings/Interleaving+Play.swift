import PostgresTesting
import ServiceTesting

/// What came of a scene that was played in every order.
package struct PlayedInterleaving: Sendable {
    package let scene: Interleaving
    /// How many orders there are.
    package fileprivate(set) var orders = 0
    /// How often each was told what.
    package fileprivate(set) var outcomes: [[String]: Int] = [:]
    /// In how many of the orders somebody waited for somebody else's lock.
    package fileprivate(set) var waited = 0
    /// Orders in which something was wrong, and what.
    package fileprivate(set) var violations: [String] = []

    /// What never came. It was not tried, and the table says more than is so.
    package var missing: Set<[String]> { scene.allowed.subtracting(outcomes.keys) }
}

extension Interleaving {
    /// Plays the scene in every order that there is.
    ///
    /// After each, what everybody was told has to be allowed, and every invariant to hold; and it has to be what
    /// they are told who come one after the other, in some order.
    /// - Parameters:
    ///   - tampering: What is changed in what the contestants' instances say to the server.
    ///   - prepareDatabase: Is given the database before anything else.
    ///   - stops: Whether one violation is enough.
    package func play(
        tampering: [Tampering] = [], stopsAtViolation stops: Bool = false,
        _ prepareDatabase: @escaping @Sendable (TestDatabase) async throws -> Void = { _ in }
    ) async throws -> PlayedInterleaving {
        try await withStage(names, tampering: tampering) { stage in
            try await prepareDatabase(stage.fixture.service.database)
            var played = PlayedInterleaving(scene: self)
            var runs: [RaceRun] = []
            played.orders = try await stage.race(prepare) { run in
                played.outcomes[run.told, default: 0] += 1
                if !run.waits.isEmpty { played.waited += 1 }
                runs.append(run)
                let breaches = try await stage.fixture.breaches()
                if !allowed.contains(run.told) || forbids(run) || !breaches.isEmpty {
                    played.violations.append(
                        "\(run.steps.joined(separator: " ")): told \(run.told), \(breaches)")
                }
                return !stops || played.violations.isEmpty
            }
            if !stops {
                played.violations += SerialOrders(of: runs, names: names).violations(in: runs)
            }
            return played
        }
    }
}
