import FoundationEssentials
import Postgres

/// The ids of what the change of an appointment writes.
struct AppointmentChangeIDs: Sendable {
    let entry: UUID
    let message: UUID
    let oldSlotEntry: UUID
    let newSlotEntry: UUID

    init(_ newID: () -> UUID) {
        entry = newID()
        message = newID()
        oldSlotEntry = newID()
        newSlotEntry = newID()
    }
}

extension AppointmentInHand {
    /// The slots that may have a seat to give away once the appointment has left its own.
    var openSlots: [LockedSlot] {
        slots.values.map { other in
            var slot = other
            if slot.id == self.slot.id { slot.booked -= 1 }
            return slot
        }
    }

    /// Who is not offered the seat: its patient has just given it up.
    var leaving: Leaving { Leaving(patientID: appointment.patientID, slotID: slot.id) }
}

extension Pipeline {
    /// Queues the giving back of an appointment's seat. In time off that was arranged meanwhile the slot
    /// is blocked instead of free.
    func freeSeat(of hand: AppointmentInHand, _ entryID: UUID, by author: Author) {
        let appointment = hand.appointment
        let timeOff = TimeOff.covering("slots", in: appointment.clinicID)
        execute(
            """
            UPDATE slots
            SET booked = booked - 1,
                version = version + 1,
                blocked = blocked OR \(fragment: timeOff) IS NOT NULL,
                time_off_id = CASE
                    WHEN blocked THEN time_off_id
                    ELSE \(fragment: timeOff)
                END
            WHERE clinic_id = \(appointment.clinicID) AND id = \(hand.slot.id)
            """)
        record(
            JournalEntry(
                id: entryID, clinicID: appointment.clinicID, objectType: .slot,
                objectID: hand.slot.id, version: hand.slot.version + 1, action: "slot.freed",
                author: author,
                detail: "jsonb_build_object('appointment_id', \(appointment.id))"))
    }

    /// Queues the journal's row of an appointment's new version.
    /// - Parameter detail: What to say besides what it is: a `jsonb` expression, whose nulls are left out.
    func record(
        _ appointment: Appointment, _ action: String, _ id: UUID, by author: Author,
        with detail: SQL
    ) {
        record(
            JournalEntry(
                id: id, clinicID: appointment.clinicID, objectType: .appointment,
                objectID: appointment.id, version: appointment.version, action: action,
                author: author,
                detail: """
                    jsonb_strip_nulls(jsonb_build_object(
                        'slot_id', \(appointment.slotID),
                        'practitioner_id', \(appointment.practitionerID),
                        'patient_id', \(appointment.patientID),
                        'starts_at', \(appointment.startsAt),
                        'ends_at', \(appointment.endsAt)
                    ) || \(fragment: detail))
                    """))
    }

    /// Queues the message to an appointment's patient about its new version.
    func queueMessage(_ kind: MessageKind, _ id: UUID, about appointment: Appointment) {
        execute(
            """
            INSERT INTO outbox (\(fragment: OutboxEntry.columns))
            SELECT
                \(appointment.clinicID),
                \(kind),
                \(appointment.id)::text || ':' || \(appointment.version)::text,
                \(id),
                email,
                \(fragment: OutboxEntry.state(to: "email"))
            FROM patients
            WHERE clinic_id = \(appointment.clinicID) AND id = \(appointment.patientID)
            """)
    }
}
