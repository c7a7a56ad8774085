import FoundationEssentials
import Postgres

/// Something that must always be true of a clinic's data, and the query for rows that break it.
///
/// The numbers are those of `docs/reliability.md`. Constraints refuse most of these breaches in the
/// first place; the queries do not rely on that.
struct Invariant: Sendable {
    let number: Int
    let rule: String
    /// Gives one text a breach, of one clinic.
    let breaches: @Sendable (_ clinicID: UUID) -> SQL

    static let all = basic + administration + records + waitlist

    private static let basic = [
        Invariant(number: 1, rule: "A slot never has two active appointments on one seat.") {
            """
            SELECT 'slot ' || slot_id || ', seat ' || seat
            FROM appointments
            WHERE clinic_id = \($0) AND status <> 'cancelled'
            GROUP BY slot_id, seat
            HAVING count(*) > 1
            """
        },
        Invariant(number: 1, rule: "A seat lies between 1 and its slot's capacity.") {
            """
            SELECT 'appointment ' || appointments.id || ', seat ' || appointments.seat
            FROM appointments
            LEFT JOIN slots
                ON slots.clinic_id = \($0) AND slots.id = appointments.slot_id
            WHERE appointments.clinic_id = \($0)
                AND appointments.status <> 'cancelled'
                AND coalesce(appointments.seat > slots.capacity, true)
            """
        },
        Invariant(number: 2, rule: "A practitioner's slots never overlap.") {
            """
            SELECT 'slot ' || id
            FROM (
                SELECT
                    id,
                    starts_at < max(ends_at) OVER (
                        PARTITION BY practitioner_id
                        ORDER BY starts_at, id
                        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                    ) AS begins_before_others_end
                FROM slots
                WHERE clinic_id = \($0)
            ) AS slots
            WHERE begins_before_others_end
            """
        },
        Invariant(number: 2, rule: "A patient's active appointments never overlap.") {
            """
            SELECT 'appointment ' || id
            FROM (
                SELECT
                    id,
                    starts_at < max(ends_at) OVER (
                        PARTITION BY patient_id
                        ORDER BY starts_at, id
                        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                    ) AS begins_before_others_end
                FROM appointments
                WHERE clinic_id = \($0) AND status <> 'cancelled'
            ) AS appointments
            WHERE begins_before_others_end
            """
        },
        Invariant(number: 3, rule: "An appointment that was booked is there, and its patient's.") {
            """
            SELECT 'appointment ' || journal.object_id
            FROM journal
            LEFT JOIN appointments
                ON appointments.clinic_id = \($0)
                AND appointments.id = journal.object_id
                AND appointments.patient_id = (journal.detail ->> 'patient_id')::uuid
            WHERE journal.clinic_id = \($0)
                AND journal.action = 'appointment.booked'
                AND appointments.id IS NULL
            """
        },
        Invariant(number: 3, rule: "An appointment is where and when its slot is.") {
            """
            SELECT 'appointment ' || appointments.id
            FROM appointments
            JOIN slots ON slots.clinic_id = \($0) AND slots.id = appointments.slot_id
            WHERE appointments.clinic_id = \($0)
                AND appointments.status <> 'cancelled'
                AND (
                    appointments.starts_at <> slots.starts_at
                    OR appointments.ends_at <> slots.ends_at
                    OR appointments.practitioner_id <> slots.practitioner_id
                )
            """
        },
        Invariant(number: 4, rule: "A slot's 'booked' equals its active appointments.") {
            """
            SELECT 'slot ' || slots.id || ' says ' || slots.booked || ', has ' || count(appointments)
            FROM slots
            LEFT JOIN appointments
                ON appointments.clinic_id = \($0)
                AND appointments.slot_id = slots.id
                AND appointments.status <> 'cancelled'
            WHERE slots.clinic_id = \($0)
            GROUP BY slots.id, slots.booked
            HAVING slots.booked <> count(appointments)
            """
        },
        Invariant(number: 4, rule: "A slot that time off has blocked lies in it.") {
            """
            SELECT 'slot ' || slots.id
            FROM slots
            LEFT JOIN time_off
                ON time_off.clinic_id = \($0)
                AND time_off.id = slots.time_off_id
                AND time_off.practitioner_id = slots.practitioner_id
                AND time_off.starts_at < slots.ends_at
                AND time_off.ends_at > slots.starts_at
            WHERE slots.clinic_id = \($0)
                AND slots.time_off_id IS NOT NULL
                AND time_off.id IS NULL
            """
        },
        Invariant(number: 4, rule: "What is free in time off was opened by hand.") {
            """
            SELECT 'slot ' || slots.id
            FROM slots
            WHERE slots.clinic_id = \($0)
                AND NOT slots.blocked
                AND slots.booked < slots.capacity
                AND \(fragment: TimeOff.covering("slots", in: $0)) IS NOT NULL
                AND NOT EXISTS (
                    SELECT
                    FROM journal
                    WHERE journal.clinic_id = \($0)
                        AND journal.object_type = 'slot'
                        AND journal.object_id = slots.id
                        AND journal.detail ->> 'blocked' = 'false'
                )
            """
        },
        Invariant(
            number: 6, rule: "Each booking, move and cancellation queued exactly one message."
        ) {
            """
            SELECT journal.action || ', appointment ' || journal.object_id
            FROM journal
            LEFT JOIN outbox
                ON outbox.clinic_id = \($0)
                AND outbox.kind LIKE 'appointment.%'
                AND outbox.subject = journal.object_id || ':' || journal.version
            WHERE journal.clinic_id = \($0)
                AND journal.action IN (
                    'appointment.booked', 'appointment.moved', 'appointment.cancelled'
                )
            GROUP BY journal.object_id, journal.version, journal.action
            HAVING count(outbox) <> 1 OR min(outbox.kind) <> journal.action
            """
        },
        Invariant(number: 6, rule: "A message tells of something that has happened.") {
            """
            SELECT outbox.kind || ', ' || outbox.subject
            FROM outbox
            LEFT JOIN journal
                ON journal.clinic_id = \($0)
                AND journal.object_type = split_part(outbox.kind, '.', 1)
                AND journal.object_id = split_part(outbox.subject, ':', 1)::uuid
                AND journal.version = split_part(outbox.subject, ':', 2)::bigint
                AND journal.action = outbox.kind
            WHERE outbox.clinic_id = \($0)
                AND split_part(outbox.kind, '.', 1) IN ('appointment', 'registration')
                AND journal.id IS NULL
            """
        },
        Invariant(number: 7, rule: "Each version of an object has its own journal row.") {
            """
            SELECT object.type || ' ' || object.id || ' has version ' || object.version || ' and '
                || count(journal) || ' journal rows'
            FROM (
                SELECT 'clinic' AS type, id, version FROM clinics WHERE id = \($0)
                UNION ALL
                SELECT 'practitioner', id, version FROM practitioners WHERE clinic_id = \($0)
                UNION ALL
                SELECT 'slot', id, version FROM slots WHERE clinic_id = \($0)
                UNION ALL
                SELECT 'patient', id, version FROM patients WHERE clinic_id = \($0)
                UNION ALL
                SELECT 'appointment', id, version FROM appointments WHERE clinic_id = \($0)
                UNION ALL
                SELECT 'registration', id, version FROM registrations WHERE clinic_id = \($0)
                UNION ALL
                SELECT 'prescription', id, version FROM prescriptions WHERE clinic_id = \($0)
                UNION ALL
                SELECT 'insurance', id, version FROM insurances WHERE clinic_id = \($0)
                UNION ALL
                SELECT 'lock', token, version FROM offline_locks WHERE clinic_id = \($0)
                UNION ALL
                SELECT 'waitlist_entry', id, version FROM waitlist WHERE clinic_id = \($0)
                UNION ALL
                SELECT 'time_off', id, 1 FROM time_off WHERE clinic_id = \($0)
            ) AS object
            LEFT JOIN journal
                ON journal.clinic_id = \($0)
                AND journal.object_type = object.type
                AND journal.object_id = object.id
                AND journal.version BETWEEN 1 AND object.version
            GROUP BY object.type, object.id, object.version
            HAVING count(journal) <> object.version
            """
        },
        Invariant(number: 9, rule: "A hold lasts 900 seconds at the most, on a slot of one seat.") {
            """
            SELECT 'slot ' || id
            FROM slots
            WHERE clinic_id = \($0)
                AND held_by IS NOT NULL
                AND (capacity > 1 OR held_until > held_since + interval '900 seconds')
            """
        },
        Invariant(number: 10, rule: "A booking whose answer is kept under a key is there.") {
            """
            SELECT 'key ' || idempotency_keys.key
            FROM idempotency_keys
            LEFT JOIN appointments
                ON appointments.clinic_id = \($0)
                AND appointments.id = CASE
                    WHEN idempotency_keys.location LIKE '%/appointments/%'
                        THEN right(idempotency_keys.location, 36)::uuid
                END
            WHERE idempotency_keys.clinic_id = \($0)
                AND idempotency_keys.status = 201
                AND idempotency_keys.location LIKE '%/appointments/%'
                AND appointments.id IS NULL
            """
        },
    ]
}
