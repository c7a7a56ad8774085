import Foundation
import PostgresTesting
internal import Subprocess
import SystemPackage

/// A mail server that keeps what it gets, and misbehaves where it is told to.
package actor MailSink {
    package nonisolated let port: Int
    private let send: @Sendable (String) async throws -> Void
    private var state = State()
    private var waiters: [CheckedContinuation<Void, Never>] = []

    /// A message as a mail program reads it.
    package struct Received: Decodable, Sendable {
        package let sender: String
        package let recipients: [String]
        /// The port that it came from: the same for what came over one connection.
        package let client: Int
        package let encrypted: Bool
        package let user: String?
        package let parts: [Part]
        let headers: [[String]]

        package struct Part: Decodable, Sendable {
            package let type: String
            package let name: String?
            package let text: String
        }

        /// The values of all header fields of that name.
        package func all(_ name: String) -> [String] {
            headers.filter { $0[0].lowercased() == name.lowercased() }.map { $0[1] }
        }

        package subscript(name: String) -> String? { all(name).first }

        /// The text of the part of that type.
        package func text(_ type: String) -> String? { parts.first { $0.type == type }?.text }
    }

    private struct State {
        var received: [Received] = []
        var holding = 0
        var rules = 0
        var hasEnded = false
    }

    fileprivate init(port: Int, send: @escaping @Sendable (String) async throws -> Void) {
        self.port = port
        self.send = send
    }

    package nonisolated var url: String { "smtp://127.0.0.1:\(port)" }

    /// The messages that have arrived by now.
    package var received: [Received] {
        get async throws {
            // What it says is in order: an answer now comes behind all of them.
            try await obey(#"{"release": "nothing"}"#)
            return state.received
        }
    }

    /// When a rule applies.
    package enum Command: String, Sendable {
        case ehlo = "EHLO"
        case mail = "MAIL"
        case rcpt = "RCPT"
        case data = "DATA"
        /// The message has arrived, and its sender does not know yet.
        case accepted = "ACCEPTED"
    }

    /// Answers `reply` to a command, once or so many `times`, to recipients whose address holds `to`.
    package func answer(
        _ command: Command, to recipient: String = "", _ reply: String, times: Int = 1
    ) async throws {
        try await obey(
            #"{"on": "\#(command.rawValue)", "to": "\#(recipient)", "reply": "\#(reply)", "times": \#(times)}"#
        )
    }

    /// Keeps its next answer to a command back until ``release(_:)``; it will be `reply`, if that is
    /// given.
    package func hold(_ command: Command, _ reply: String? = nil) async throws {
        let reply = reply.map { #", "reply": "\#($0)""# } ?? ""
        try await obey(#"{"on": "\#(command.rawValue)", "hold": true\#(reply)}"#)
    }

    /// Gives the answers to a command that were kept back.
    package func release(_ command: Command) async throws {
        try await obey(#"{"release": "\#(command.rawValue)"}"#)
    }

    /// Ends each connection that has carried so many messages, as soon as it is to carry another.
    package func endConnections(afterMessages count: Int) async throws {
        try await obey(#"{"limit": \#(count)}"#)
    }

    /// Returns once so many answers have been kept back in all.
    package func waitUntilHolding(_ count: Int = 1) async throws {
        try await wait { $0.holding >= count }
    }

    /// The messages, once there are that many.
    package func received(atLeast count: Int) async throws -> [Received] {
        try await wait { $0.received.count >= count }
        return state.received
    }

    private func obey(_ rule: String) async throws {
        let rules = state.rules
        try await send(rule + "\n")
        try await wait { $0.rules > rules }
    }

    private func wait(until isMet: (State) -> Bool) async throws {
        while !isMet(state) {
            try Task.checkCancellation()
            if state.hasEnded { throw Ended() }
            await withTaskCancellationHandler {
                await withCheckedContinuation { waiters.append($0) }
            } onCancel: {
                Task { await wake() }
            }
        }
    }

    /// The sink's process has gone.
    private struct Ended: Error {}

    private func wake() {
        for waiter in waiters { waiter.resume() }
        waiters = []
    }

    fileprivate func hear(_ line: String) throws {
        switch try Event(line) {
        case .message(let message): state.received.append(message)
        case .holding: state.holding += 1
        case .ready: state.rules += 1
        case .listening: break
        }
        wake()
    }

    fileprivate func end() {
        state.hasEnded = true
        wake()
    }

    fileprivate enum Event {
        case listening(Int)
        case message(Received)
        case holding
        case ready

        init(_ line: String) throws {
            struct Name: Decodable {
                let event: String
                let port: Int?
            }
            let data = Data(line.utf8)
            let name = try JSONDecoder().decode(Name.self, from: data)
            switch name.event {
            case "listening": self = .listening(name.port ?? 0)
            case "message": self = .message(try JSONDecoder().decode(Received.self, from: data))
            case "holding": self = .holding
            default: self = .ready
            }
        }
    }
}

/// Calls `body` with a mail server that runs for this call only.
/// - Parameter port: 0 takes one that is free.
package func withMailSink(
    _ arguments: [String] = [], port: Int = 0,
    _ body: @escaping @Sendable (MailSink) async throws -> Void
) async throws {
    let result = try await run(
        .path(FilePath(TestServer.project("scripts/smtp-sink"))),
        arguments: Arguments(["--follow", "--port", "\(port)"] + arguments),
        input: .inputWriter, output: .sequence, error: .string(limit: 1 << 20)
    ) { execution in
        let writer = execution.standardInputWriter
        var lines = execution.standardOutput.strings().makeAsyncIterator()
        guard let line = try await lines.next(),
            case .listening(let port) = try MailSink.Event(line)
        else { return }
        let sink = MailSink(port: port) { _ = try await writer.write($0) }
        try await withThrowingTaskGroup { group in
            group.addTask {
                defer { Task { await sink.end() } }
                do {
                    try await body(sink)
                } catch {
                    try? await writer.finish()
                    throw error
                }
                try await writer.finish()
            }
            while let line = try await lines.next() { try await sink.hear(line) }
            await sink.end()
            try await group.waitForAll()
        }
    }
    guard result.terminationStatus.isSuccess else {
        throw SinkFailed(errors: result.standardError)
    }
}

private struct SinkFailed: Error {
    let errors: String
}
