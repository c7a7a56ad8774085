import FoundationEssentials
import Postgres

extension Invariant {
    /// That freeing a seat and giving it away is one change.
    static let waitlist = [
        Invariant(number: 11, rule: "A promoted entry has an appointment that was made for it.") {
            """
            SELECT 'waitlist entry ' || waitlist.id
            FROM waitlist
            LEFT JOIN journal
                ON journal.clinic_id = \($0)
                AND journal.object_type = 'appointment'
                AND journal.object_id = waitlist.appointment_id
                AND journal.action = 'appointment.booked'
                AND journal.detail ->> 'waitlist_entry_id' = waitlist.id::text
                AND journal.detail ->> 'patient_id' = waitlist.patient_id::text
                AND (journal.detail ->> 'starts_at')::timestamptz >= waitlist.wanted_from
                AND (journal.detail ->> 'starts_at')::timestamptz < waitlist.wanted_to
                AND journal.detail ->> 'practitioner_id'
                    = coalesce(waitlist.practitioner_id::text, journal.detail ->> 'practitioner_id')
            WHERE waitlist.clinic_id = \($0)
                AND waitlist.status = 'promoted'
                AND journal.id IS NULL
            """
        },
        Invariant(number: 11, rule: "Nobody waits for a free seat that is to be had.") {
            """
            SELECT 'waitlist entry ' || waitlist.id || ', slot ' || slots.id
            FROM waitlist
            JOIN slots ON slots.clinic_id = \($0) AND \(fragment: WaitlistEntry.wantsSlot)
            WHERE waitlist.clinic_id = \($0)
                AND \(fragment: WaitlistEntry.isWaiting)
                AND \(fragment: WaitlistEntry.canHaveSlot(in: $0))
                -- One whose hold is just over is given away by the next sweep.
                AND slots.held_by IS NULL
                AND \(fragment: TimeOff.covering("slots", in: $0)) IS NULL
                -- Who has given it up is not given it again.
                AND NOT EXISTS (
                    SELECT
                    FROM journal
                    WHERE journal.clinic_id = \($0)
                        AND journal.detail ->> 'patient_id' = waitlist.patient_id::text
                        AND (
                            journal.object_id = slots.id
                            OR journal.detail ->> 'slot_id' = slots.id::text
                            OR journal.detail ->> 'previous_slot_id' = slots.id::text
                        )
                )
            """
        },
        Invariant(number: 11, rule: "A seat that the waitlist gave away fulfilled one entry.") {
            """
            SELECT 'appointment ' || journal.object_id
            FROM journal
            LEFT JOIN waitlist
                ON waitlist.clinic_id = \($0)
                AND waitlist.appointment_id = journal.object_id
                AND waitlist.status = 'promoted'
            WHERE journal.clinic_id = \($0)
                AND journal.action = 'appointment.booked'
                AND journal.detail ? 'waitlist_entry_id'
            GROUP BY journal.object_id
            HAVING count(waitlist) <> 1
            """
        },
    ]
}
