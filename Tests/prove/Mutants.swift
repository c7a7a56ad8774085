import ArgumentParser
import Foundation
import Proof

/// Takes one defence after another away, and writes down who noticed.
struct Mutants: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The proof without each of the defences, as a page: docs/mutants.md.")

    @Option(help: "Where to write the page.")
    var output = "docs/mutants.md"

    @Option(help: "Only the mutants whose name has these words in it.")
    var only: String?

    @Flag(help: "Have only those scenes look that are expected to notice.")
    var quick = false

    func run() async throws {
        var verdicts: [Mutant.Verdict] = []
        for mutant in Mutant.all where only.map(mutant.description.contains) ?? true {
            let verdict = try await mutant.run(quick ? mutant.suspected : Examination.all)
            say("\(verdict.isAsExpected ? "caught" : "ALIVE"): \(mutant)")
            verdicts.append(verdict)
        }
        try Data(verdicts.page.utf8).write(to: URL(filePath: output))
        let alive = verdicts.count { !$0.isAsExpected }
        print("\(verdicts.count) mutants, \(verdicts.count - alive) caught, \(alive) alive")
        if alive > 0 { throw ExitCode.failure }
    }
}
