import FoundationEssentials
import Postgres

/// What a transaction has decided of one booking.
enum BookingDecision: Sendable {
    case booked(Appointment)
    case refused(BookingRefusal)
    /// It cannot be decided, whoever is beside it.
    case failed(any Error)
    /// Somebody else has locked what it needs, and it did not wait.
    case isLate
    /// Between the reading and the writing a patient got another appointment for that time: this one's, or
    /// that of somebody for whose sake this one was refused.
    case again(isPatients: Bool)
}

/// For what a batch of bookings waits.
enum BatchPatience: Sendable {
    /// For every lock that somebody else has, as long as anybody does.
    case waits
    /// For no slot and no offline lock; for the few locks that cannot be stepped over no longer than this,
    /// nil: as long as anybody does.
    case skipsLocked(waitingForOthers: Duration?)

    var waits: Bool { if case .waits = self { true } else { false } }
}

extension Transaction {
    /// Books for a batch: two round trips, lock and read; write and commit.
    ///
    /// - Returns: A decision for each booking, in their order.
    func decide(
        _ bookings: [Booking], in clinicID: UUID, _ patience: BatchPatience,
        _ newID: @escaping () -> UUID
    ) throws -> Outcome<[BookingDecision]> {
        if case .skipsLocked(let others?) = patience { pipeline.waitForLocks(others) }
        let keyed = bookings.compactMap(\.once?.request).map(IdempotencyKey.init)
        let turns = pipeline.tryTurns(for: keyed)
        let locks = pipeline.lockOfflineLocks(of: bookings, in: clinicID, waiting: patience.waits)
        let slots = pipeline.lockSlots(
            Array(Set(bookings.map(\.request.slotID))), in: clinicID, waiting: patience.waits)
        let patients = pipeline.circumstances(of: bookings.map(\.request), in: clinicID)

        let locked = Dictionary(uniqueKeysWithValues: try slots.get().map { ($0.id, $0) })
        let circumstances = try patients.get()
        let now = circumstances.map(\.readAt).max() ?? .distantPast
        var rule = BookingRule(locked: Array(locked.values))
        var turn = try turns.get().makeIterator()
        let decisions = zip(bookings, zip(circumstances, try locks.get())).map {
            booking, found -> BookingDecision in
            let (patient, lock) = found
            if booking.once != nil, turn.next() == false { return .failed(KeyIsElsewhere()) }
            let slot = locked[booking.request.slotID]
            if !patience.waits, (slot == nil && patient.slotIsKnown) || lock.wasPassedOver {
                return .isLate
            }
            if let refusal = rule.decide(booking.request, patient, lockedUntil: lock.isGoodUntil) {
                return .refused(refusal)
            }
            guard let slot else { return .refused(.slotNotFound) }
            return .booked(booking.appointment(in: slot, of: clinicID, at: now))
        }
        let winners = zip(bookings, zip(decisions, circumstances)).compactMap {
            booking, decided -> Winner? in
            guard case .booked(let appointment) = decided.0 else { return nil }
            return Winner(booking: booking, appointment: appointment, wishes: decided.1.wishes)
        }
        guard !winners.isEmpty else { return .unchanged(decisions) }
        return .pending(
            write(winners, at: now, in: clinicID, newID).map { decisions.asMade($0, bookings) }
        ) { tx in
            tx.pipeline.made(winners.map(\.booking.id), in: clinicID)
                .map { decisions.asMade($0, bookings) }
        }
    }

    /// Queues all that winners write.
    /// - Returns: Whose appointments were made.
    private func write(
        _ winners: [Winner], at now: Date, in clinicID: UUID, _ newID: () -> UUID
    ) -> Pending<Set<UUID>> {
        let wishes = FulfilledWish.distinct(winners.flatMap(\.fulfilled))
        pipeline.lockWishes(wishes, in: clinicID)
        let made = pipeline.write(winners.map(\.booking), at: now, in: clinicID)
        pipeline.withdrawWishes(
            wishes, fulfilledBy: winners.map(\.booking.id), in: clinicID, newID)
        pipeline.keep(winners.compactMap(\.answer))
        return made
    }
}

/// A booking that the rule lets in, and what comes of it.
private struct Winner {
    let booking: Booking
    let appointment: Appointment
    let wishes: [UUID]

    var fulfilled: [FulfilledWish] {
        wishes.map { FulfilledWish(id: $0, author: booking.request.author) }
    }

    /// What is kept under its key.
    var answer: KeptAnswer? {
        guard let once = booking.once, let answer = once.answer(appointment) else { return nil }
        return KeptAnswer(
            key: IdempotencyKey(request: once.request), answer: answer, appointmentID: booking.id)
    }
}

extension [BookingDecision] {
    /// The same, where those that were not made after all have to be decided again, and with them whoever
    /// was refused for their sake.
    fileprivate func asMade(_ made: Set<UUID>, _ bookings: [Booking]) -> [BookingDecision] {
        let unmade = zip(self, bookings).compactMap { decision, booking -> BookingRequest? in
            guard case .booked(let appointment) = decision, !made.contains(appointment.id) else {
                return nil
            }
            return booking.request
        }
        guard !unmade.isEmpty else { return self }
        let slots = Set(unmade.map(\.slotID))
        let patients = Set(unmade.map(\.patientID))
        return zip(self, bookings).map { decision, booking in
            switch decision {
            case .booked(let appointment) where !made.contains(appointment.id):
                .again(isPatients: true)
            case .refused(.slotTaken) where slots.contains(booking.request.slotID),
                .refused(.patientBusy) where patients.contains(booking.request.patientID):
                .again(isPatients: false)
            default: decision
            }
        }
    }
}
