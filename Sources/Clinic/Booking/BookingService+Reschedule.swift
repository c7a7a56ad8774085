import FoundationEssentials
import Postgres

extension BookingService {
    /// Moves an appointment to another slot, in one transaction; the seat that it leaves goes to who has
    /// waited longest for one. To the slot in which it is: nothing happens.
    ///
    /// Both slots are locked in the order of their ids, so two patients who swap slots do not wait for each
    /// other. Whatever is refused leaves the appointment as it was.
    /// - Throws: ``BookingRefused`` for what would keep the patient from booking the slot;
    ///   ``AppointmentError``; ``VersionConflict``; `LockError.lockLost`.
    package func reschedule(
        _ target: AppointmentTarget, to slotID: UUID, once: Once<Appointment>? = nil
    ) async throws -> Appointment {
        let ids = AppointmentChangeIDs(store.newID)
        do {
            return try await store.write(to: target.clinicID, once: once) { tx, attempt in
                let hand = try tx.take(target, attempt, goingTo: slotID)
                guard hand.slot.id != slotID else { return .unchanged(hand.appointment) }
                return .known(try move(hand, to: slotID, target, ids, tx))
            }
        } catch let refusal as BookingRefusal {
            throw await store.refused(refusal, slotID, in: target.clinicID)
        } catch let error as PostgresError where error.violates("appointment_patient_no_overlap") {
            // The patient got another appointment for that time since it was looked for.
            throw await store.refused(.patientBusy, slotID, in: target.clinicID)
        } catch let error as PostgresError where error.violates("appointment_one_per_seat") {
            // The second defence. While the locks are in place it has nothing to do.
            throw await store.refused(.slotTaken, slotID, in: target.clinicID)
        }
    }

    private func move(
        _ hand: AppointmentInHand, to slotID: UUID, _ target: AppointmentTarget,
        _ ids: AppointmentChangeIDs, _ tx: Transaction
    ) throws -> Appointment {
        let appointment = hand.appointment
        guard appointment.status.mayMove else {
            throw AppointmentError.badTransition(appointment.status)
        }
        let request = BookingRequest(
            slotID: slotID, patientID: appointment.patientID, reason: appointment.reason,
            author: target.author)
        let patients = tx.pipeline.circumstances(
            of: [request], in: target.clinicID, moving: appointment.id)
        guard let patient = try patients.get().first else {
            preconditionFailure("a request got no circumstances")
        }
        var rule = BookingRule(locked: Array(hand.slots.values))
        if let refusal = rule.decide(request, patient) { throw refusal }
        guard let slot = hand.slots[slotID] else { throw BookingRefusal.slotNotFound }

        let moved = appointment.moved(to: slot)
        let wishes = patient.wishes.map { FulfilledWish(id: $0, author: target.author) }
        tx.pipeline.lockWishes(wishes, in: target.clinicID)
        tx.pipeline.move(appointment, to: slot, ids.newSlotEntry, by: target.author)
        tx.pipeline.withdrawWishes(
            wishes, fulfilledBy: [appointment.id], in: target.clinicID, store.newID)
        tx.pipeline.record(
            moved, "appointment.moved", ids.entry, by: target.author,
            with: """
                jsonb_build_object(
                    'previous_slot_id', \(appointment.slotID),
                    'previous_starts_at', \(appointment.startsAt)
                )
                """)
        tx.pipeline.queueMessage(.appointmentMoved, ids.message, about: moved)
        tx.pipeline.freeSeat(of: hand, ids.oldSlotEntry, by: target.author)
        if hand.isAnybodyWaiting {
            try tx.promote(
                into: hand.openSlots.filter { $0.id != slotID }, in: target.clinicID,
                leaving: hand.leaving, requestID: target.author.requestID, store.newID)
        }
        return moved
    }
}

extension Appointment {
    /// The next version of it, in another slot.
    fileprivate func moved(to slot: LockedSlot) -> Appointment {
        Appointment(
            id: id, clinicID: clinicID, slotID: slot.id, practitionerID: slot.practitionerID,
            patientID: patientID, startsAt: slot.startsAt, endsAt: slot.endsAt, status: status,
            reason: reason, version: version + 1, createdAt: createdAt)
    }
}

extension Pipeline {
    /// Queues the taking of a seat in another slot.
    fileprivate func move(
        _ appointment: Appointment, to slot: LockedSlot, _ entryID: UUID, by author: Author
    ) {
        let clinicID = appointment.clinicID
        execute(
            """
            UPDATE appointments
            SET slot_id = slots.id,
                seat = \(fragment: Appointment.freeSeat(in: clinicID)),
                practitioner_id = slots.practitioner_id,
                starts_at = slots.starts_at,
                ends_at = slots.ends_at,
                version = appointments.version + 1
            FROM slots
            WHERE appointments.clinic_id = \(clinicID)
                AND appointments.id = \(appointment.id)
                AND slots.clinic_id = \(clinicID)
                AND slots.id = \(slot.id)
            """)
        execute(
            """
            UPDATE slots
            SET booked = booked + 1,
                \(fragment: SlotHold.ended),
                version = version + 1
            WHERE clinic_id = \(clinicID) AND id = \(slot.id)
            """)
        record(
            JournalEntry(
                id: entryID, clinicID: clinicID, objectType: .slot, objectID: slot.id,
                version: slot.version + 1, action: "slot.booked", author: author,
                detail: "jsonb_build_object('appointment_id', \(appointment.id))"))
    }
}
