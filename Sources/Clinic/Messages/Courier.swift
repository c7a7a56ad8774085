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
///     └─── the lease ends (the courier       or attempt 32
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
        while true {
            var attempts = 0
            for clinicID in try await clinicsWithMail() {
                for _ in 0..<turn {
                    guard isWanted() else { return .done }
                    let leaseEnd = ContinuousClock.now + policy.lease
                    guard let message = try await claim(in: clinicID) else { break }
                    attempts += 1
                    if try await attempt(message, until: leaseEnd) == .serverAway {
                        return .serverAway
                    }
                }
            }
            // Nothing is due, or others are just taking it.
            guard attempts > 0 else { return .done }
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

    private func attempt(
        _ message: ClaimedMessage, until leaseEnd: ContinuousClock.Instant
    ) async throws -> Ending {
        let mail: MailMessage
        do {
            guard message.attempt <= policy.attempts else {
                // Whoever made the last attempt did not live to write it down.
                throw MailFailure(.permanent, message.lastError ?? "no attempt came to an end")
            }
            mail = try await message.mail(from: sender, telling: facts(of: message))
        } catch let failure as MailFailure {
            try await write(down: .failed(failure.words), of: message)
            return .done
        } catch is MissingFact {
            try await write(down: .failed("the journal does not say what it tells"), of: message)
            return .done
        }
        // Frozen for too long since: another courier may have the message by now.
        guard ContinuousClock.now + transport.timeout <= leaseEnd else { return .done }
        do {
            try await transport.send(mail)
            try await write(down: .sent, of: message)
            return .done
        } catch let failure as MailFailure {
            let isLast = failure.kind == .permanent || message.attempt >= policy.attempts
            try await write(
                down: isLast ? .failed(failure.words) : .putOff(failure.words), of: message)
            return failure.kind == .server ? .serverAway : .done
        }
    }

    /// Sees to it that an attempt's fate is written down, as soon as there is a database to do it in:
    /// nothing else that a courier could do then is as urgent.
    private func write(down fate: Fate, of message: ClaimedMessage) async throws {
        var metadata: Logger.Metadata = [
            "message": "\(message.id)", "kind": "\(message.kind.rawValue)",
            "attempt": "\(message.attempt)",
        ]
        let logger = store.environment.logger
        switch fate {
        case .sent: logger.debug("a message was sent", metadata: metadata)
        case .putOff(let words):
            metadata["cause"] = "\(words)"
            logger.notice("a message was put off", metadata: metadata)
        case .failed(let words):
            metadata["cause"] = "\(words)"
            logger.warning("a message was given up", metadata: metadata)
        }
        while true {
            do {
                if try await !note(fate, of: message) {
                    logger.notice("another courier has the message", metadata: metadata)
                }
                return
            } catch let error as PostgresError where Unavailable(error) != nil {
                logger.warning(
                    "a message's fate waits to be noted", metadata: ["cause": "\(error)"])
                try await Task.sleep(for: .seconds(1))
            }
        }
    }
}
