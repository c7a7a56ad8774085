import FoundationEssentials
import Postgres

extension BookingService {
    /// Cancels an appointment and, in the same transaction, gives its seat to who has waited longest for
    /// one, so that nobody can take it in between.
    /// - Parameter reason: For the message and the journal, 1,000 characters at the most.
    /// - Throws: ``AppointmentError``; ``VersionConflict``; `LockError.lockLost`.
    package func cancel(
        _ target: AppointmentTarget, reason: String?, once: Once<Appointment>? = nil
    ) async throws -> Appointment {
        let ids = AppointmentChangeIDs(store.newID)
        return try await store.write(to: target.clinicID, once: once) {
            [newID = store.newID] tx, attempt in
            let hand = try tx.take(target, attempt)
            let cancelled = hand.appointment.cancelled
            tx.pipeline.execute(
                """
                UPDATE appointments
                SET status = 'cancelled', version = version + 1
                WHERE clinic_id = \(target.clinicID) AND id = \(target.id)
                """)
            tx.pipeline.record(
                cancelled, "appointment.cancelled", ids.entry, by: target.author,
                with: "jsonb_build_object('reason', \(reason))")
            tx.pipeline.queueMessage(.appointmentCancelled, ids.message, about: cancelled)
            tx.pipeline.freeSeat(of: hand, ids.oldSlotEntry, by: target.author)
            if hand.isAnybodyWaiting {
                try tx.promote(
                    into: hand.openSlots, in: target.clinicID,
                    leaving: hand.leaving, requestID: target.author.requestID, newID)
            }
            return .known(cancelled)
        }
    }
}

extension Appointment {
    /// The next version of it, cancelled.
    fileprivate var cancelled: Appointment {
        Appointment(
            id: id, clinicID: clinicID, slotID: slotID, practitionerID: practitionerID,
            patientID: patientID, startsAt: startsAt, endsAt: endsAt, status: .cancelled,
            reason: reason, version: version + 1, createdAt: createdAt)
    }
}
