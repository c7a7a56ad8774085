import ArgumentParser
import Foundation
import Proof

/// Plays every scene in every order, and writes down what came of it.
struct Schedules: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Every order only, as a page: docs/interleavings.md.")

    @Option(help: "Where to write the page.")
    var output = "docs/interleavings.md"

    func run() async throws {
        var report = ProofReport()
        try await report.play { say($0) }
        try Data(report.schedules.utf8).write(to: URL(filePath: output))
        print(report.line)
        if !report.isGood { throw ExitCode.failure }
    }
}
