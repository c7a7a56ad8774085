import FoundationEssentials
import Postgres

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
            bookings, in: clinicID, waitingForLocks: waiting, until: store.nextDeadline)
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
            let decisions = try await store.writeOnce(
                to: clinicID, once.map(\.appointment), isCancellable: true, until: deadline
            ) { tx in
                try tx.decide([booking], in: clinicID, waitingForLocks: true, store.newID)
            }
            switch decisions.first {
            case .booked(let appointment): return appointment
            case .refused(let refusal):
                throw await store.refused(refusal, booking.request.slotID, in: clinicID)
            case .failed(let error): throw error
            case .isLate, .again, nil: continue
            }
        }
        throw await store.refused(.patientBusy, booking.request.slotID, in: clinicID)
    }

    /// Decides all together; where that fails because of one of them, in halves, so that it takes nobody
    /// else down.
    private func decideEach(
        _ bookings: [Booking], in clinicID: UUID, waitingForLocks waiting: Bool,
        until deadline: Deadline, tries: Int = tries
    ) async -> [BookingDecision] {
        var decisions: [BookingDecision]
        do {
            // A batch serves many callers: none of them may cancel it for the others.
            decisions = try await store.write(
                to: clinicID, isCancellable: false, until: deadline
            ) { [newID = store.newID] tx in
                try tx.decide(bookings, in: clinicID, waitingForLocks: waiting, newID)
            }
        } catch  where bookings.count > 1 && error.mayBeOfOne(of: bookings, waiting: waiting) {
            var halves: [BookingDecision] = []
            let middle = bookings.count / 2
            for half in [bookings[..<middle], bookings[middle...]] {
                halves += await decideEach(
                    Array(half), in: clinicID, waitingForLocks: waiting, until: deadline,
                    tries: tries)
            }
            return halves
        } catch let error as PostgresError where error.violates("appointment_one_per_seat") {
            // The second defence. While the locks are in place it has nothing to do.
            return [.refused(.slotTaken)]
        } catch {
            return bookings.map { _ in .failed(error) }
        }
        for (place, booking) in bookings.enumerated() {
            guard case .again = decisions[place] else { continue }
            decisions[place] =
                tries == 1
                ? .refused(.patientBusy)
                : await decideEach(
                    [booking], in: clinicID, waitingForLocks: waiting, until: deadline,
                    tries: tries - 1)[0]
        }
        return decisions
    }
}

extension Error {
    /// Whether a batch may have failed because of one booking in it, and the others can still be made.
    fileprivate func mayBeOfOne(of bookings: [Booking], waiting: Bool) -> Bool {
        // What the store has not translated is about what was written.
        guard let unavailable = self as? Unavailable else { return self is PostgresError }
        // Those who wait for one slot wait for the same lock, unless one names an offline lock.
        return unavailable.reason == .lockTimeout
            && (!waiting || bookings.contains { $0.request.lock != nil })
    }
}

extension BookingDecision {
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
