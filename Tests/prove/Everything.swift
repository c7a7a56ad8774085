import ArgumentParser
import Foundation
import Proof

/// Runs the whole proof and writes a report; ends in one line.
struct Everything: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Every order, every cut of a connection, and faults while clients work.")

    @Option(help: "For how many seconds faults strike.")
    var seconds = 600

    @Option(help: "Which faults strike when, and what clients want.")
    var seed: UInt64 = 1

    @Option(help: "How many clients there are at once.")
    var clients = 256

    @Option(help: "The folder for the report and the logs.")
    var folder = ".holdfast/proof"

    @Flag(help: "Leave out the orders and the cuts.")
    var faultsOnly = false

    func run() async throws {
        let folder = URL(filePath: folder, directoryHint: .isDirectory)
        for name in ["report.md", "mail.jsonl", "instance-0.log", "instance-1.log"] {
            try? FileManager.default.removeItem(at: folder.appending(path: name))
        }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let path = folder.appending(path: "report.md")
        var report = ProofReport()
        if !faultsOnly {
            try await report.play { say($0) }
            try await report.cut { say($0) }
            // What comes next may end badly.
            try Data(report.text.utf8).write(to: path)
        }
        try await report.strike(
            FaultRun(seed: seed, duration: .seconds(seconds), clients: clients), in: folder
        ) { say($0) }
        try Data(report.text.utf8).write(to: path)
        print("The report is in \(path.relativePath).")
        print(report.line)
        if !report.isGood { throw ExitCode.failure }
    }
}
