import FoundationEssentials
import Logging
import Mail
import Postgres

/// Empties the outbox: takes what is due to the mail server, one message after the other.
///
/// ```
///            claim (attempt n, lease)      accepted by the server
///   queued ────────────────────────▶ under way ────────────────▶ sent
///     ▲                                 │  │
///     ├─── put off, with a pause ◀──────┘  └── refused for good, ──▶ failed
///     └─── the lease ends (the courier       or attempt 128
///          is gone): attempt n + 1
/// ```
///
/// No transaction is open while it talks to the mail server. A message is handed over at least once:
/// if a courier is killed between the server's acceptance and its own note, another one sends that one
/// message again, under the same `Message-ID`. Any number of couriers share the work.
package struct Courier: Sendable {
    let store: Store
    let policy: CourierPolicy
    private let transport: any MailTransport
    private let sender: String

    /// Messages of one clinic that are taken in a row, before it is the next clinic's turn.
    private let turn = 10

    /// - Parameters:
    ///   - sender: The address that messages come from.
    /// - Throws: `MailFailure` if that is no address.
    package init(
        store: Store, transport: any MailTransport, sender: String,
        policy: CourierPolicy = CourierPolicy()
    ) throws {
        self.store = store
        self.transport = transport
        self.sender = try MailAddress(sender, name: "").address
        self.policy = policy
    }

    /// Why a courier stopped delivering.
    package enum Ending: Hashable, Sendable {
        /// Nothing is due any more, or it was asked to stop.
        case done
        /// The mail server takes nothing now; better not to ask for a while.
        case serverAway
    }

    /// Delivers everything that is due.
    /// - Parameter isWanted: Asked between two messages.
    /// - Throws: ``Unavailable`` and the like if the database is away; `CancellationError`.
    @discardableResult
    package func deliverDue(while isWanted: () -> Bool = { true }) async throws -> Ending {
        do {
            let ending = try await deliverRounds(while: isWanted)
            await transport.hangUp()
            return ending
        } catch {
            await transport.hangUp()
            throw error
        }
    }

    private func deliverRounds(while isWanted: () -> Bool) async throws -> Ending {
        var trouble = Trouble()
        while true {
            var attempts = 0
            // In any order: no clinic is behind the same others every time.
            for clinicID in try await clinicsWithMail().shuffled() {
                for _ in 0..<turn {
                    guard isWanted() else { return .done }
                    let leaseEnd = ContinuousClock.now + policy.lease
                    guard let message = try await claim(in: clinicID) else { break }
                    attempts += 1
                    trouble.note(try await attempt(message, until: leaseEnd))
                    if trouble.isTheServers { return .serverAway }
                }
            }
            // Nothing is due, or others are just taking it.
            guard attempts > 0 else { return .done }
        }
    }
}

/// Tells a server that is in trouble from a message that makes trouble.
private struct Trouble {
    private(set) var isTheServers = false
    private var interruptions = 0

    mutating func note(_ failure: MailFailure.Kind?) {
        switch failure {
        case .server: isTheServers = true
        case .interrupted, .unanswered:
            // One message may be to blame; two in a row are not.
            interruptions += 1
            isTheServers = interruptions > 1
        case .permanent, .temporary, nil: interruptions = 0
        }
    }
}

extension Courier {
    /// What became of an attempt.
    enum Fate: Sendable {
        case sent
        /// To be tried again later.
        case putOff(String)
        /// Given up.
        case failed(String)
    }

    /// Makes an attempt and writes down what became of it.
    /// - Returns: Why the server did not take the message; nil if it did, or was not asked.
    private func attempt(
        _ message: ClaimedMessage, until leaseEnd: ContinuousClock.Instant
    ) async throws -> MailFailure.Kind? {
        let mail: MailMessage
        do {
            mail = try await write(message)
        } catch let failure as MailFailure {
            try await write(down: .failed(failure.words), of: message, because: failure)
            return nil
        }
        // Frozen for too long since: another courier may have the message by now.
        guard ContinuousClock.now + transport.timeout <= leaseEnd else { return nil }
        do {
            try await transport.send(mail)
        } catch let failure as MailFailure {
            let limit = failure.kind == .unanswered ? policy.unansweredAttempts : policy.attempts
            let isLast = failure.kind == .permanent || message.attempt >= limit
            try await write(
                down: isLast ? .failed(failure.words) : .putOff(failure.words), of: message,
                because: failure)
            return failure.kind
        } catch let cancellation as CancellationError {
            try await write(down: .putOff("the courier was stopped"), of: message)
            throw cancellation
        }
        try await write(down: .sent, of: message)
        return nil
    }

    /// The mail that a message becomes.
    /// - Throws: `MailFailure` if it cannot be sent, or is not worth it any more.
    private func write(_ message: ClaimedMessage) async throws -> MailMessage {
        guard message.attempt <= policy.attempts else {
            // Whoever made the last attempt did not live to write it down.
            throw MailFailure(.permanent, message.lastError ?? "no attempt came to an end")
        }
        do {
            let facts = try await facts(of: message)
            guard facts.visit?.isOver != true else {
                throw MailFailure(.permanent, "the appointment was over before this could be sent")
            }
            return try message.mail(from: sender, telling: facts)
        } catch is MissingFact {
            throw MailFailure(.permanent, "the journal does not say what it tells")
        }
    }

    /// Sees to it that an attempt's fate is written down, as soon as there is a database to do it in:
    /// nothing else that a courier could do then is as urgent.
    private func write(
        down fate: Fate, of message: ClaimedMessage, because failure: MailFailure? = nil
    ) async throws {
        let logger = log(fate, of: message, because: failure)
        var isInDoubt = false
        while true {
            do {
                if try await !note(fate, of: message), !isInDoubt {
                    logger.notice("another courier has the message")
                }
                return
            } catch let error as PostgresError where Unavailable(error) != nil {
                isInDoubt = isInDoubt || error.kind == .commitUnknown
                logger.warning(
                    "a message's fate waits to be noted", metadata: ["reason": "\(error)"])
                try await Task.sleep(for: .seconds(1))
            }
        }
    }

    /// Logs an attempt's fate, without words that may hold an address.
    private func log(
        _ fate: Fate, of message: ClaimedMessage, because failure: MailFailure?
    ) -> Logger {
        var logger = store.environment.logger
        logger[metadataKey: "message"] = "\(message.id)"
        logger[metadataKey: "kind"] = "\(message.kind.rawValue)"
        logger[metadataKey: "attempt"] = "\(message.attempt)"
        let cause: Logger.Metadata = failure.map { ["cause": "\($0)"] } ?? [:]
        switch fate {
        case .sent: logger.debug("a message was sent")
        case .putOff: logger.notice("a message was put off", metadata: cause)
        case .failed: logger.warning("a message was given up", metadata: cause)
        }
        return logger
    }
}
