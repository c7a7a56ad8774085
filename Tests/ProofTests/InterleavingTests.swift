import Proof
import Testing

/// Conflicting requests to instances of their own, round trip by round trip, in every order that there is.
@Suite("Every interleaving", .timeLimit(.minutes(30)))
struct InterleavingTests {
    @Test(
        "in every order each is told what is allowed, and every invariant holds",
        // Those of three take longest: first, so that nobody waits for them alone.
        arguments: Interleaving.all.sorted { $0.names.count > $1.names.count })
    func everyOrder(scene: Interleaving) async throws {
        let played = try await scene.play()
        #expect(played.violations == [])
        #expect(played.missing == [])
        #expect(played.orders > 1)
    }
}
