import FoundationEssentials
import Postgres

extension Pipeline {
    /// Queues the row locks of the offline locks that bookings name, before everything else: until the
    /// transaction ends they can neither be taken over nor released.
    /// - Parameter waiting: Whether to wait for whoever changes such a lock, and not to pass it over.
    /// - Returns: Until when each booking's lock is good, for ever if it names none; nil for one that is
    ///   not its author's, does not cover the patient, or was passed over.
    func lockOfflineLocks(
        of bookings: [Booking], in clinicID: UUID, waiting: Bool
    ) -> Pending<[Date?]> {
        let claims = bookings.compactMap { booking in booking.request.lock.map { (booking, $0) } }
        guard !claims.isEmpty else { return Pending { bookings.map { _ in .distantFuture } } }
        return all(
            LockedUntil.self,
            """
            SELECT claim.booking_id, offline_locks.expires_at
            FROM unnest(
                \(claims.map(\.0.id)),
                \(claims.map(\.1)),
                \(claims.map(\.0.request.author.subject)),
                \(claims.map(\.0.request.patientID))
            ) AS claim (booking_id, token, holder, patient_id)
            JOIN offline_locks
                ON offline_locks.clinic_id = \(clinicID)
                AND offline_locks.token = claim.token
                AND offline_locks.holder = claim.holder
            WHERE EXISTS (
                SELECT
                FROM offline_lock_targets AS target
                WHERE target.clinic_id = \(clinicID)
                    AND target.object_type = \(LockTargetType.patient)
                    AND target.object_id = claim.patient_id
                    AND target.token = claim.token
            )
            ORDER BY offline_locks.token
            FOR SHARE OF offline_locks \(fragment: waiting ? "" : "SKIP LOCKED")
            """
        ).map { rows in
            let ends = Dictionary(uniqueKeysWithValues: rows.map { ($0.bookingID, $0.expiresAt) })
            return bookings.map { $0.request.lock == nil ? .distantFuture : ends[$0.id] }
        }
    }

    /// Queues the row locks of slots, in the order of their ids.
    /// - Parameter waiting: Whether to wait for whoever has one of them, and not to pass it over.
    func lockSlots(
        _ ids: [UUID], in clinicID: UUID, waiting: Bool = true
    ) -> Pending<[LockedSlot]> {
        all(
            LockedSlot.self,
            """
            SELECT \(fragment: LockedSlot.columns)
            FROM slots
            WHERE clinic_id = \(clinicID) AND id = ANY(\(ids))
            ORDER BY id
            FOR UPDATE \(fragment: waiting ? "" : "SKIP LOCKED")
            """)
    }

    /// Queues the reading of what the rule needs besides the slots, in the order of the requests.
    ///
    /// A statement of its own behind the lock, and the clock with it: a statement that waited for a
    /// lock goes on with the snapshot and the time that it had before.
    /// - Parameter appointmentID: One that is about to be moved, and so keeps its patient from nothing.
    func circumstances(
        of requests: [BookingRequest], in clinicID: UUID, moving appointmentID: UUID? = nil
    ) -> Pending<[PatientCircumstances]> {
        all(
            PatientCircumstances.self,
            """
            SELECT
                slots.id IS NOT NULL,
                patients.id IS NOT NULL,
                -- Nobody gets a seat that is not there, busy or not.
                CASE WHEN slots.booked < slots.capacity THEN EXISTS (
                    SELECT
                    FROM appointments
                    WHERE appointments.clinic_id = \(clinicID)
                        AND appointments.patient_id = request.patient_id
                        AND appointments.status <> 'cancelled'
                        AND appointments.id IS DISTINCT FROM \(appointmentID)
                        AND tstzrange(appointments.starts_at, appointments.ends_at)
                            && tstzrange(slots.starts_at, slots.ends_at)
                ) ELSE false END,
                clock_timestamp(),
                CASE WHEN slots.booked < slots.capacity THEN ARRAY(
                    SELECT waitlist.id
                    FROM waitlist
                    WHERE waitlist.clinic_id = \(clinicID)
                        AND waitlist.patient_id = request.patient_id
                        AND waitlist.status = 'waiting'
                        AND \(fragment: WaitlistEntry.wantsSlot)
                ) ELSE '{}' END
            FROM unnest(
                \(requests.map(\.slotID)),
                \(requests.map(\.patientID))
            ) WITH ORDINALITY AS request (slot_id, patient_id, place)
            LEFT JOIN slots
                ON slots.clinic_id = \(clinicID) AND slots.id = request.slot_id
            LEFT JOIN patients
                ON patients.clinic_id = \(clinicID) AND patients.id = request.patient_id
            ORDER BY request.place
            """)
    }
}

/// Until when a booking's lock is good.
private struct LockedUntil: RowDecodable {
    let bookingID: UUID
    let expiresAt: Date

    init(row: inout Row) throws {
        bookingID = try row.next()
        expiresAt = try row.next()
    }
}
