import Proof
import Testing

/// A few of them, so that each run of the tests shows that the proof can fail; `make mutants` runs all.
@Suite("A defence that is gone is missed")
struct MutantTests {
    private static let few = [
        "the clock behind the lock of a booking", "the turn of a patient's holds",
        "the marker of a change", "the tag of `COMMIT`",
    ]

    @Test("with all defences in place nothing is wrong", arguments: Examination.commits.indices)
    func unharmed(place: Int) async throws {
        let violations = try await Examination.commits[place].violations(.none)
        #expect(violations == [])
    }

    @Test(
        "without it the proof fails",
        arguments: Mutant.all.filter { few.contains($0.description) })
    func caught(mutant: Mutant) async throws {
        let verdict = try await mutant.run(Examination.all)
        #expect(verdict.isReal && verdict.isAsExpected)
    }
}
