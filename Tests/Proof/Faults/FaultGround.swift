import Foundation
import HTTPFront
import NIOCore
import NIOPosix
import Postgres
import PostgresTesting
import ServiceTesting

/// Everything that a fault may strike.
struct FaultGround: Sendable {
    let server: PrivateServer
    /// Nil where none may be mounted.
    let disk: SmallDisk?
    /// One in front of each instance's database.
    let networks: [UnreliableNetwork]
    let instances: [Program]
    let ports: [Int]
    /// What each instance said.
    let logs: [URL]
    let mailServer: Program
    /// What the mail server got, a line for each message.
    let mail: URL
    let scene: FaultScene

    /// What moves the clock of a program that loads it; nil where it was not built.
    static let clockSkew: String? = {
        let path = URL(filePath: holdfastProgram).deletingLastPathComponent()
            .appending(path: "libClockSkew.so").path(percentEncoded: false)
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }()
}

/// Calls `body` with two instances that serve one clinic, each over a network of its own.
func withFaultGround<Result: Sendable>(
    in folder: URL, _ body: @Sendable (FaultGround) async throws -> Result
) async throws -> Result {
    try await withPrivateServer(["fsync=on", "synchronous_commit=on", "max_wal_size=4GB"]) {
        server in
        let disk = try await SmallDisk(for: server)
        let outcome: Swift.Result<Result, any Error>
        do {
            outcome = .success(try await withInstances(on: server, disk, in: folder, body))
        } catch {
            outcome = .failure(error)
        }
        try await server.stopAtOnce()
        try await disk?.remove()
        return try outcome.get()
    }
}

private func withInstances<Result: Sendable>(
    on server: PrivateServer, _ disk: SmallDisk?, in folder: URL,
    _ body: @Sendable (FaultGround) async throws -> Result
) async throws -> Result {
    let database = server.database
    let scene = try await withService(on: database, database.service) {
        try await FaultScene(in: $0)
    }
    return try await withUnreliableNetwork(to: database) { first in
        try await withUnreliableNetwork(to: database) { second in
            let ports = try await [freePort(), freePort(), freePort()]
            let mail = folder.appending(path: "mail.jsonl")
            let mailServer = Program(
                URL(filePath: TestServer.project("scripts/smtp-sink")), ["--port", "\(ports[2])"],
                output: mail)
            let logs = (0...1).map { folder.appending(path: "instance-\($0).log") }
            let instances = zip([first, second], ports).enumerated().map { place, setting in
                Program.instance(
                    at: setting.1, on: setting.0.url + "&application_name=instance",
                    ["--drain-delay", "0s"], ["HOLDFAST_SMTP_URL": "smtp://127.0.0.1:\(ports[2])"],
                    output: logs[place])
            }
            let ground = FaultGround(
                server: server, disk: disk, networks: [first, second], instances: instances,
                ports: Array(ports.prefix(2)), logs: logs, mailServer: mailServer, mail: mail,
                scene: scene)
            let programs = instances + [mailServer]
            for program in programs { try program.start() }
            let outcome: Swift.Result<Result, any Error>
            do {
                outcome = .success(try await body(ground))
            } catch {
                outcome = .failure(error)
            }
            for program in programs { await program.end(by: SIGKILL) }
            return try outcome.get()
        }
    }
}
