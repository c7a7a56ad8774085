import ArgumentParser
import Foundation
import Proof

/// Kills the primary under load and promotes the standby, over and over; ends in one line.
struct Failover: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The primary is killed under load and its standby promoted.",
        discussion: "Fails if anything is lost or doubled, or if it took 5 s to serve again."
    )

    @Option(help: "How often.")
    var rounds = 10

    @Option(help: "How many clients there are at once.")
    var clients = 64

    @Option(help: "The folder for the logs.")
    var folder = ".holdfast/failover"

    func run() async throws {
        let rounds = try await FailoverRun(rounds: rounds, clients: clients).run(
            in: URL(filePath: folder, directoryHint: .isDirectory)
        ) { say("\($0)") }
        let acknowledged = rounds.reduce(0) { $0 + $1.result.acknowledged }
        let lost = rounds.reduce(0) { $0 + $1.result.lost }
        let doubled = rounds.reduce(0) { $0 + $1.result.doubled }
        let longest = rounds.map(\.recovery).max() ?? .zero
        print(
            "\(rounds.count) failovers, \(acknowledged) acknowledged, \(lost) lost, \(doubled) doubled, "
                + "serving again after \((longest / .milliseconds(1)).rounded()) ms at the most")
        guard rounds.allSatisfy(\.result.isGood), longest < .seconds(5) else {
            throw ExitCode.failure
        }
    }
}
