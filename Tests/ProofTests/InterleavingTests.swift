import Proof
import Testing

/// Conflicting requests to instances of their own, round trip by round trip, in every order that there is.
@Suite("Every interleaving", .timeLimit(.minutes(15)))
struct InterleavingTests {
    @Test(
        "in every order each is told what is allowed, and every invariant holds",
        arguments: Interleaving.all)
    func everyOrder(scene: Interleaving) async throws {
        let played = try await scene.play()
        #expect(played.violations == [])
        #expect(played.missing == [])
        #expect(played.orders > 1)
    }
}
