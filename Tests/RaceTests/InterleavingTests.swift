import PostgresTesting
import ServiceTesting
import Testing

/// Conflicting requests to instances of their own, round trip by round trip, in every order that there is.
@Suite("Every interleaving", .timeLimit(.minutes(15)))
struct InterleavingTests {
    static let all =
        Interleaving.booking + Interleaving.appointments + Interleaving.administration

    @Test("in every order each is told what is allowed, and every invariant holds", arguments: all)
    func everyOrder(scene: Interleaving) async throws {
        try await withStage(scene.names) { stage in
            var told: Set<[String]> = []
            let orders = try await stage.race(scene.prepare) { run in
                told.insert(run.told)
                let breaches = try await stage.fixture.breaches()
                #expect(
                    scene.allowed.contains(run.told) && breaches == [],
                    "\(run.steps) \(run.waits): \(run.told), \(breaches)")
            }
            // What never comes was not tried, and the table would say more than is so.
            #expect(told == scene.allowed)
            #expect(orders > 1)
            print("INTERLEAVING \(scene.title): \(orders)")
        }
    }
}
