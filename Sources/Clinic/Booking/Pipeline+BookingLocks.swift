import FoundationEssentials
import Postgres

/// What a booking found of the offline lock that it names.
enum NamedLock: Sendable {
    /// For ever if it names none.
    case isGood(until: Date)
    /// It is not its author's, or does not cover the patient, or is gone.
    case isNone
    /// Somebody else changes it just now.
    case wasPassedOver

    /// Nil if it is not good at all.
    var isGoodUntil: Date? { if case .isGood(let end) = self { end } else { nil } }

    var wasPassedOver: Bool { if case .wasPassedOver = self { true } else { false } }
}

extension Pipeline {
    /// Queues a limit, for this transaction, for how long to wait for locks.
    func waitForLocks(_ duration: Duration) {
        // Zero would be no limit at all.
        let limit = "\(max(1, duration.milliseconds))"
        execute("SELECT set_config('lock_timeout', \(limit), true)")
    }

    /// Queues the row locks of the offline locks that bookings name, before everything else: until the
    /// transaction ends they can neither be taken over nor released.
    /// - Parameter waiting: Whether to wait for whoever changes such a lock, and not to pass it over.
    /// - Returns: What each booking found.
    func lockOfflineLocks(
        of bookings: [Booking], in clinicID: UUID, waiting: Bool
    ) -> Pending<[NamedLock]> {
        guard bookings.contains(where: { $0.request.lock != nil }) else {
            return Pending { bookings.map { _ in .isGood(until: .distantFuture) } }
        }
        let locked = namedLocks(
            of: bookings, in: clinicID,
            locking: waiting
                ? "FOR SHARE OF offline_locks"
                : "FOR SHARE OF offline_locks SKIP LOCKED")
        let named = waiting ? locked : namedLocks(of: bookings, in: clinicID, locking: "")
        return Pending {
            let (locked, named) = (try locked.get(), try named.get())
            return bookings.map { booking in
                if booking.request.lock == nil { return .isGood(until: .distantFuture) }
                if let end = locked[booking.id] { return .isGood(until: end) }
                return named[booking.id] == nil ? .isNone : .wasPassedOver
            }
        }
    }

    /// Queues the ends of the offline locks that bookings name, by the booking, where they are their
    /// author's and cover the patient.
    private func namedLocks(
        of bookings: [Booking], in clinicID: UUID, locking: SQL
    ) -> Pending<[UUID: Date]> {
        let claims = bookings.compactMap { booking in booking.request.lock.map { (booking, $0) } }
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
            \(fragment: locking)
            """
        ).map { rows in
            Dictionary(uniqueKeysWithValues: rows.map { ($0.bookingID, $0.expiresAt) })
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
