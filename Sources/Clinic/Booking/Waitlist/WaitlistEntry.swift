import FoundationEssentials
import Postgres

/// A patient's wish for an appointment for which there was no seat.
package struct WaitlistEntry: Hashable, Sendable {
    package let id: UUID
    package let clinicID: UUID
    package let patientID: UUID
    /// Nil: any of the clinic's.
    package let practitionerID: UUID?
    /// Wanted is a slot that starts at this instant or later,
    package let from: Date
    /// and before this one.
    package let to: Date
    package let status: WaitlistStatus
    /// What the wish came to.
    package let appointmentID: UUID?
    package let version: Int
    package let createdAt: Date
}

/// What has become of a wish.
package enum WaitlistStatus: String, CaseIterable, Sendable, PostgresEncodable, PostgresDecodable {
    case waiting
    /// The patient was given a seat.
    case promoted
    /// The patient waits no more, or has booked such a slot directly.
    case withdrawn
}

extension WaitlistEntry: RowDecodable {
    static let columns: SQL = """
        id,
        clinic_id,
        patient_id,
        practitioner_id,
        wanted_from,
        wanted_to,
        status,
        appointment_id,
        version,
        created_at
        """

    package init(row: inout Row) throws {
        id = try row.next()
        clinicID = try row.next()
        patientID = try row.next()
        practitionerID = try row.next()
        from = try row.next()
        to = try row.next()
        status = try row.next()
        appointmentID = try row.next()
        version = try row.next()
        createdAt = try row.next()
    }
}

// Which slots a wish is for, as conditions on tables called `waitlist` and `slots`.

extension WaitlistEntry {
    /// The entry waits, and its time is not over.
    static let isWaiting: SQL = """
        (waitlist.status = 'waiting' AND waitlist.wanted_to > clock_timestamp())
        """

    /// Whether an appointment's patient waits for anything.
    static func isWaiting(patientOf target: AppointmentTarget) -> SQL {
        """
        EXISTS (
            SELECT
            FROM appointments
            JOIN waitlist
                ON waitlist.clinic_id = \(target.clinicID)
                AND waitlist.patient_id = appointments.patient_id
                AND \(fragment: isWaiting)
            WHERE appointments.clinic_id = \(target.clinicID)
                AND appointments.id = \(target.id)
        )
        """
    }

    /// The slot is such a one.
    static let wantsSlot: SQL = """
        (
            (waitlist.practitioner_id IS NULL OR waitlist.practitioner_id = slots.practitioner_id)
            AND slots.starts_at >= waitlist.wanted_from
            AND slots.starts_at < waitlist.wanted_to
        )
        """

    /// The slot has not begun, and nobody keeps the patient from booking it.
    static func canHaveSlot(in clinicID: UUID) -> SQL {
        """
        (
            \(fragment: Slot.liveStatus) = 'free'
            AND slots.starts_at > clock_timestamp()
            AND NOT EXISTS (
                SELECT
                FROM appointments
                WHERE appointments.clinic_id = \(clinicID)
                    AND appointments.patient_id = waitlist.patient_id
                    AND appointments.status <> 'cancelled'
                    AND tstzrange(appointments.starts_at, appointments.ends_at)
                        && tstzrange(slots.starts_at, slots.ends_at)
            )
        )
        """
    }

    /// The free slots that an appointment's patient waits for and cannot have because of it: a query for
    /// their ids.
    static func slotsBarred(by appointmentID: UUID, in clinicID: UUID) -> SQL {
        """
        (
            SELECT DISTINCT slots.id
            FROM appointments
            JOIN waitlist
                ON waitlist.clinic_id = \(clinicID)
                AND waitlist.patient_id = appointments.patient_id
                AND \(fragment: isWaiting)
            JOIN practitioners
                ON practitioners.clinic_id = \(clinicID)
                AND practitioners.id = coalesce(waitlist.practitioner_id, practitioners.id)
            JOIN slots
                ON slots.clinic_id = \(clinicID)
                AND slots.practitioner_id = practitioners.id
                AND slots.starts_at > appointments.starts_at - interval '24 hours'
                AND slots.starts_at < appointments.ends_at
                AND slots.ends_at > appointments.starts_at
                AND slots.id <> appointments.slot_id
            WHERE appointments.clinic_id = \(clinicID)
                AND appointments.id = \(appointmentID)
                AND appointments.status <> 'cancelled'
                AND \(fragment: Slot.liveStatus) = 'free'
                AND slots.starts_at > clock_timestamp()
                AND \(fragment: wantsSlot)
        )
        """
    }
}
