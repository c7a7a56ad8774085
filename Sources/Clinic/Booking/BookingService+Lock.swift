import FoundationEssentials
import Postgres

extension BookingService {
    /// Queues the row locks of the batch's slots, in the order of their ids.
    func lockSlots(
        of bookings: [Booking], in clinicID: UUID, _ tx: Transaction
    ) -> Pending<[LockedSlot]> {
        tx.pipeline.all(
            LockedSlot.self,
            """
            SELECT \(fragment: LockedSlot.columns)
            FROM slots
            WHERE clinic_id = \(clinicID) AND id = ANY(\(bookings.map(\.request.slotID)))
            ORDER BY id
            FOR UPDATE
            """)
    }

    /// Queues the reading of what the rule needs besides the slots, in the order of the requests.
    ///
    /// A statement of its own behind the lock, and the clock with it: a statement that waited for a
    /// lock goes on with the snapshot and the time that it had before.
    func readPatients(
        of bookings: [Booking], in clinicID: UUID, _ tx: Transaction
    ) -> Pending<[PatientCircumstances]> {
        tx.pipeline.all(
            PatientCircumstances.self,
            """
            SELECT
                patients.id IS NOT NULL,
                EXISTS (
                    SELECT
                    FROM appointments
                    WHERE appointments.clinic_id = \(clinicID)
                        AND appointments.patient_id = request.patient_id
                        AND appointments.status <> 'cancelled'
                        AND tstzrange(appointments.starts_at, appointments.ends_at)
                            && tstzrange(slots.starts_at, slots.ends_at)
                ),
                clock_timestamp()
            FROM unnest(
                \(bookings.map(\.request.slotID)),
                \(bookings.map(\.request.patientID))
            ) WITH ORDINALITY AS request (slot_id, patient_id, place)
            LEFT JOIN slots
                ON slots.clinic_id = \(clinicID) AND slots.id = request.slot_id
            LEFT JOIN patients
                ON patients.clinic_id = \(clinicID) AND patients.id = request.patient_id
            ORDER BY request.place
            """)
    }
}
