import Foundation
import Synchronization

/// A program ended that was to run; what it said is in its output.
package struct ProgramEnded: Error, CustomStringConvertible {
    package let description: String

    package init(program: Program) {
        description = "\(program.executable.lastPathComponent) ended; see \(program.output.path)"
    }
}

/// A program that is killed, stopped and started again.
package final class Program: Sendable {
    fileprivate let executable: URL
    private let arguments: [String]
    private let environment: [String: String]
    fileprivate let output: URL
    private let process = Mutex<Process?>(nil)

    /// - Parameter output: What all its runs say is appended to this file.
    package init(
        _ executable: URL, _ arguments: [String], environment: [String: String] = [:], output: URL
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.output = output
    }

    package var isRunning: Bool { process.withLock { $0?.isRunning ?? false } }

    /// - Parameter more: What this run finds in its environment besides.
    package func start(_ more: [String: String] = [:]) throws {
        let new = Process()
        new.executableURL = executable
        new.arguments = arguments
        new.environment = environment.merging(more) { $1 }
            .merging(["PATH": ProcessInfo.processInfo.environment["PATH"] ?? ""]) { own, _ in own }
        if !FileManager.default.fileExists(atPath: output.path) {
            try Data().write(to: output)
        }
        let file = try FileHandle(forWritingTo: output)
        try file.seekToEnd()
        // A line that was cut off when the last run was killed takes none of this one's with it.
        try file.write(contentsOf: Data("\n".utf8))
        new.standardOutput = file
        new.standardError = file
        new.standardInput = FileHandle.nullDevice
        try new.run()
        process.withLock { $0 = new }
    }

    /// Sends a signal that it may outlive.
    package func send(_ signal: Int32) {
        process.withLock { process in
            if let process, process.isRunning { kill(process.processIdentifier, signal) }
        }
    }

    /// Sends a signal that ends it, and returns when it has ended: if it takes its time, by force.
    /// - Returns: Whether it ended by itself, and well: with the status 0.
    @discardableResult
    package func end(by signal: Int32) async -> Bool {
        send(signal)
        let end = ContinuousClock.now + .seconds(45)
        while isRunning {
            if Task.isCancelled || .now > end { send(SIGKILL) }
            try? await Task.sleep(for: .milliseconds(5))
        }
        return process.withLock { process in
            process?.terminationReason == .exit && process?.terminationStatus == 0
        }
    }
}
