import Foundation
import PostgresTesting
package import Subprocess
import SystemPackage

/// How a run of the `holdfast` that was built with the tests ended.
package struct Ended: Sendable {
    package let exitCode: Int
    /// What it said on standard error.
    package let errors: String
    /// What it said on standard output, if it was run to its end.
    package let output: String

    fileprivate init(_ status: TerminationStatus, _ errors: String, output: String = "") {
        exitCode = if case .exited(let code) = status { Int(code) } else { -1 }
        self.errors = errors
        self.output = output
    }
}

/// Runs a command to its end.
/// - Parameter environment: What it finds there.
package func holdfast(
    _ arguments: [String], environment: [String: String]
) async throws -> Ended {
    let result = try await run(
        program, arguments: Arguments(arguments), environment: environment.forCommand,
        workingDirectory: project, output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
    return Ended(
        result.terminationStatus, result.standardError, output: result.standardOutput)
}

/// Runs `holdfast serve` on a free port, and calls `body` as soon as it serves.
/// - Parameter body: Is given the service and what sends it SIGTERM, and should use it.
package func withServe(
    _ arguments: [String], on database: TestDatabase, environment: [String: String],
    _ body: @escaping @Sendable (Service, @Sendable () throws -> Void) async throws -> Void
) async throws -> Ended {
    try await withServe(arguments, on: database, environment: environment) {
        (service, send: @Sendable (Signal) throws -> Void) in
        try await body(service) { try send(.terminate) }
    }
}

/// Runs `holdfast serve` on a free port, and kills it as soon as `body` returns.
package func withKilledServe(
    on database: TestDatabase, environment: [String: String],
    _ body: @escaping @Sendable (Service) async throws -> Void
) async throws -> Ended {
    try await withServe([], on: database, environment: environment) {
        (service, send: @Sendable (Signal) throws -> Void) in
        try await body(service)
        try send(.kill)
    }
}

private func withServe(
    _ arguments: [String], on database: TestDatabase, environment: [String: String],
    _ body: @escaping @Sendable (Service, @Sendable (Signal) throws -> Void) async throws -> Void
) async throws -> Ended {
    try await withCommand(
        ["serve", "--port", "0"] + arguments, environment: environment, once: "serves on"
    ) { line, send in
        guard let port = line.split(separator: ":").last.flatMap({ Int($0) }) else { return }
        let service = try await Service.running(on: database, port: port)
        do {
            try await body(service, send)
        } catch {
            try await service.shutdown()
            throw error
        }
        try await service.shutdown()
    }
}

/// Runs `holdfast courier`, and calls `body` as soon as it works.
/// - Parameter body: Is given what sends it a signal, and should end it.
package func withCourier(
    on database: TestDatabase, to mailServer: String, environment: [String: String] = [:],
    _ body: @escaping @Sendable (@Sendable (Signal) throws -> Void) async throws -> Void
) async throws -> Ended {
    let settings = ["DATABASE_URL": database.url, "HOLDFAST_SMTP_URL": mailServer]
    return try await withCommand(
        ["courier"], environment: settings.merging(environment) { $1 }, once: "takes messages to"
    ) { _, send in try await body(send) }
}

/// Runs a command that goes on, and calls `body` with the line that says that it is ready.
private func withCommand(
    _ arguments: [String], environment: [String: String], once announcement: String,
    _ body: @escaping @Sendable (String, @Sendable (Signal) throws -> Void) async throws -> Void
) async throws -> Ended {
    let result = try await run(
        program, arguments: Arguments(arguments), environment: environment.forCommand,
        workingDirectory: project, input: .none, output: .sequence, error: .string(limit: 1 << 20)
    ) { execution in
        for try await line in execution.standardOutput.strings() where line.contains(announcement) {
            do {
                return try await body(line) { try execution.send(signal: $0) }
            } catch {
                try execution.send(signal: .kill)
                throw error
            }
        }
    }
    return Ended(result.terminationStatus, result.standardError)
}

/// Where the `holdfast` is that was built with the program that runs.
package let holdfastProgram = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().appending(path: "holdfast").path(percentEncoded: false)

private let program = Executable.path(FilePath(holdfastProgram))

private let project = FilePath(
    URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized
        .path(percentEncoded: false))

extension [String: String] {
    /// Of the tests' own environment only what sanitizers need is inherited: a developer's settings
    /// are none of the tests' business.
    fileprivate var forCommand: Environment {
        let inherited = ProcessInfo.processInfo.environment.filter { name, _ in
            ["PATH", "ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"].contains(name)
        }
        let variables = merging(inherited) { own, _ in own }.compactMap { name, value in
            Environment.Key(rawValue: name).map { ($0, value) }
        }
        return .custom([Environment.Key: String](uniqueKeysWithValues: variables))
    }
}
