import FoundationEssentials
import Postgres
import Synchronization

/// What became of one booking of a batch.
enum BookingOutcome: Sendable {
    case booked(Appointment)
    /// With free slots instead, by the slot that was asked for, where others would help. They are being read.
    case refused(BookingRefusal, instead: Task<[UUID: [Slot]], Never>?)
    /// This one could not be decided; its neighbours could.
    case failed(any Error)
}

/// Somebody else is in progress under a request's key, or was before: it has to be asked for alone.
struct KeyIsElsewhere: Error {}

/// Decides batches of one clinic's bookings. A single booking is a batch of one.
struct BookingDesk: Sendable {
    let store: Store

    /// How often a booking is decided whose patient keeps getting other appointments meanwhile.
    private static let tries = 3

    /// Books for whom the rule lets in, and has free slots looked for instead, once for each slot.
    /// - Parameter waiting: Whether to wait for locks that somebody else has.
    /// - Returns: An outcome for each, in their order; nil for those that would have to wait.
    func book(
        _ bookings: [Booking], in clinicID: UUID, waitingForLocks waiting: Bool
    ) async -> [BookingOutcome?] {
        let decisions = await decideEach(
            bookings, in: clinicID,
            waiting ? .waits : .skipsLocked(waitingForOthers: store.environment.batchPatience),
            until: store.nextDeadline)
        let wanted = Set(
            zip(bookings, decisions).filter { $1.wantsAlternatives }.map(\.0.request.slotID))
        let suggestions =
            wanted.isEmpty
            ? nil : Task { await store.suggestions(insteadOf: Array(wanted), in: clinicID) }
        return decisions.map { $0.outcome(suggestions) }
    }

    /// Books under a key, behind whoever else is in progress under it, in whichever process, and gives again
    /// what was answered then.
    /// - Parameter booking: Without the key, which the store sees to.
    /// - Throws: ``BookingRefused``; ``Replayed``; ``IdempotencyKeyReused``; ``Unavailable``.
    func bookAlone(
        _ booking: Booking, _ once: Once<Appointment>, in clinicID: UUID, until deadline: Deadline
    ) async throws -> Appointment {
        for _ in 1...Self.tries {
            let decisions: [BookingDecision]
            do {
                decisions = try await store.writeOnce(
                    to: clinicID, once.map(\.appointment), isCancellable: true, until: deadline
                ) { tx in
                    try tx.decide([booking], in: clinicID, .waits, store.newID)
                }
            } catch let error as PostgresError where error.isOfTakenSeat {
                decisions = [.refused(.slotTaken)]
            }
            switch decisions.first {
            case .booked(let appointment): return appointment
            case .refused(let refusal):
                throw await store.refused(refusal, booking.request.slotID, in: clinicID)
            case .failed(let error): throw error
            case .again: continue
            case .isLate, nil: preconditionFailure("a booking that waits was not decided")
            }
        }
        throw await store.refused(.patientBusy, booking.request.slotID, in: clinicID)
    }

    /// Decides all together; where that fails because of one of them, in halves, so that it takes nobody
    /// else down. Where it would have to wait, they are late, and wait slot by slot.
    private func decideEach(
        _ bookings: [Booking], in clinicID: UUID, _ patience: BatchPatience,
        until deadline: Deadline, tries: Int = tries
    ) async -> [BookingDecision] {
        let progress = Progress()
        var decisions: [BookingDecision]
        do {
            // A batch serves many callers: none of them may cancel it for the others.
            decisions = try await store.write(
                to: clinicID, isCancellable: false, until: deadline
            ) { [newID = store.newID] tx in
                let patience = progress.begin() ? patience : patience.unlimited
                let outcome = try tx.decide(bookings, in: clinicID, patience, newID)
                progress.decide()
                return outcome
            }
        } catch let error as Unavailable where error.reason == .lockTimeout && !patience.waits {
            return bookings.map { _ in .isLate }
        } catch  where bookings.count > 1 && error.mayBeOfOne(of: bookings, progress) {
            var halves: [BookingDecision] = []
            let middle = bookings.count / 2
            for half in [bookings[..<middle], bookings[middle...]] {
                halves += await decideEach(
                    Array(half), in: clinicID, patience, until: deadline, tries: tries)
            }
            return halves
        } catch let error as PostgresError where error.isOfTakenSeat {
            return [.refused(.slotTaken)]
        } catch {
            return bookings.map { _ in .failed(error) }
        }
        let open = decisions.indices.filter { decisions[$0].isOpen }
        guard !open.isEmpty else { return decisions }
        let later =
            tries == 1
            ? open.map { decisions[$0].closed }
            : await decideEach(
                open.map { bookings[$0] }, in: clinicID, patience, until: deadline,
                tries: tries - 1)
        for (place, decision) in zip(open, later) { decisions[place] = decision }
        return decisions
    }
}

extension PostgresError {
    /// Whether the second defence struck. While the locks are in place it has nothing to do.
    fileprivate var isOfTakenSeat: Bool { violates("appointment_one_per_seat") }
}

extension Error {
    /// Whether a batch may have failed because of one booking in it, and the others can still be made.
    fileprivate func mayBeOfOne(of bookings: [Booking], _ progress: Progress) -> Bool {
        // What the store has not translated is about what was written.
        guard let unavailable = self as? Unavailable else { return self is PostgresError }
        // Those who wait together wait for one slot's lock. Once they have it, or if one names an offline
        // lock, it is something else.
        return unavailable.reason == .lockTimeout
            && (progress.isDecided || bookings.contains { $0.request.lock != nil })
    }
}

/// How far a batch's transaction has come, in whichever of its runs: it has several if it has to be tried
/// again or its commit is in doubt.
private final class Progress: Sendable {
    private let state = Mutex((isBegun: false, isDecided: false))

    /// It has had the locks, and decided.
    var isDecided: Bool { state.withLock(\.isDecided) }

    /// - Returns: Whether this is the first run.
    func begin() -> Bool {
        state.withLock { state in
            defer { state.isBegun = true }
            return !state.isBegun
        }
    }

    func decide() { state.withLock { $0.isDecided = true } }
}

extension BatchPatience {
    /// The same, but for the limit: whoever settles a commit must not give up its place over and over.
    fileprivate var unlimited: BatchPatience {
        waits ? .waits : .skipsLocked(waitingForOthers: nil)
    }
}

extension BookingDecision {
    /// Whether it has to be decided again.
    fileprivate var isOpen: Bool { if case .again = self { true } else { false } }

    /// What stands if it is not. Who else was refused cannot be told why: nobody may have the seat.
    fileprivate var closed: BookingDecision {
        switch self {
        case .again(isPatients: true): .refused(.patientBusy)
        case .again(isPatients: false):
            .failed(Unavailable(reason: .overloaded, cause: "the winners change over and over"))
        default: self
        }
    }

    fileprivate var wantsAlternatives: Bool {
        if case .refused(let refusal) = self { refusal.wantsAlternatives } else { false }
    }

    /// What its author is told; nil if it is not decided.
    fileprivate func outcome(_ suggestions: Task<[UUID: [Slot]], Never>?) -> BookingOutcome? {
        switch self {
        case .booked(let appointment): .booked(appointment)
        case .refused(let refusal):
            .refused(refusal, instead: refusal.wantsAlternatives ? suggestions : nil)
        case .failed(let error): .failed(error)
        case .isLate: nil
        case .again: preconditionFailure("a booking was left undecided")
        }
    }
}

extension [BookingDecision] {
    /// The appointment, of a batch of one that was booked.
    fileprivate var appointment: Appointment? {
        if case .booked(let appointment) = first { appointment } else { nil }
    }
}
