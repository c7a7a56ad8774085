import Foundation
import Proof
import Testing

/// `make mutants`; not part of `make test`, which it would make twice as long.
@Suite(
    "Every defence is missed", .serialized,
    .enabled(if: ProcessInfo.processInfo.environment["HOLDFAST_MUTANTS"] != nil))
struct MutantTests {
    @Test("without it the proof fails", arguments: Mutant.all)
    func caught(mutant: Mutant) async throws {
        let verdict = try await mutant.run(Examination.all)
        print(
            "MUTANT \(mutant): \(verdict.isReal) alone: \(verdict.alone as Any) both: \(verdict.together as Any)"
        )
        #expect(verdict.isAsExpected)
    }
}
