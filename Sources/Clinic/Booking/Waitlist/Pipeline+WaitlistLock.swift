import FoundationEssentials
import Postgres

// The waitlist's own lock, an advisory one for each clinic. Whoever frees a seat has it shared, before it
// looks at who waits; whoever joins has it alone, looks for a free seat, and waits if there is none. So
// a seat and somebody who wants it cannot pass each other unseen.

extension Pipeline {
    /// Queues the wait until nobody is joining, and keeps them from it.
    func shareWaitlist(of clinicID: UUID) {
        execute("SELECT pg_advisory_xact_lock_shared(\(fragment: Self.waitlist(of: clinicID)))")
    }

    /// Queues the wait until nobody is joining or frees a seat, and keeps them from it.
    func lockWaitlist(of clinicID: UUID) {
        execute("SELECT pg_advisory_xact_lock(\(fragment: Self.waitlist(of: clinicID)))")
    }

    /// Queues the lock for who ends an appointment where it is.
    ///
    /// Its patient may wait for another slot, and be passed over for it by somebody who frees that at this
    /// moment and finds the patient still busy. So where the patient waits, the lock is had alone.
    func lockWaitlist(freeingSeatOf target: AppointmentTarget) {
        let clinicID = target.clinicID
        execute(
            """
            SELECT pg_advisory_xact_lock(\(fragment: Self.waitlist(of: clinicID)))
            WHERE EXISTS (
                SELECT
                FROM appointments
                JOIN waitlist
                    ON waitlist.clinic_id = \(clinicID)
                    AND waitlist.patient_id = appointments.patient_id
                    AND waitlist.status = 'waiting'
                WHERE appointments.clinic_id = \(clinicID) AND appointments.id = \(target.id)
            )
            """)
        shareWaitlist(of: clinicID)
    }

    private static func waitlist(of clinicID: UUID) -> SQL {
        "hashtextextended('waitlist ' || \(clinicID)::text, 0)"
    }
}
