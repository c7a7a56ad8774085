import FoundationEssentials
import Postgres

// Whoever books such a slot directly waits for it no more.

/// A wish that somebody is about to fulfil by booking directly.
struct FulfilledWish: Sendable {
    let id: UUID
    let author: Author

    /// Each wish once, of those that several bookings would fulfil.
    static func distinct(_ wishes: [FulfilledWish]) -> [FulfilledWish] {
        var seen: Set<UUID> = []
        return wishes.filter { seen.insert($0.id).inserted }
    }
}

extension Pipeline {
    /// Queues the row locks of wishes that bookings are about to fulfil, before those are written: a
    /// promotion may have the wishes, and would wait for the bookings while they wait for it.
    func lockWishes(_ wishes: [FulfilledWish], in clinicID: UUID) {
        guard !wishes.isEmpty else { return }
        execute(
            """
            SELECT
            FROM waitlist
            WHERE clinic_id = \(clinicID) AND id = ANY(\(wishes.map(\.id)))
            ORDER BY created_at, id
            FOR UPDATE
            """)
    }

    /// Queues the end of those wishes that the appointments fulfil, if they were made.
    func withdrawWishes(
        _ wishes: [FulfilledWish], fulfilledBy appointmentIDs: [UUID], in clinicID: UUID,
        _ newID: () -> UUID
    ) {
        guard !wishes.isEmpty else { return }
        execute(
            """
            WITH wish AS (
                SELECT *
                FROM unnest(
                    \(wishes.map(\.id)),
                    \(wishes.map { _ in newID() }),
                    \(wishes.map(\.author.subject)),
                    \(wishes.map(\.author.requestID))
                ) AS wish (id, entry_id, actor, request_id)
            ),
            withdrawn AS (
                UPDATE waitlist
                SET status = 'withdrawn',
                    appointment_id = slots.id,
                    version = waitlist.version + 1
                -- An appointment has its slot's practitioner and times.
                FROM appointments AS slots
                WHERE waitlist.clinic_id = \(clinicID)
                    AND waitlist.id = ANY(\(wishes.map(\.id)))
                    AND waitlist.status = 'waiting'
                    AND slots.clinic_id = \(clinicID)
                    AND slots.id = ANY(\(appointmentIDs))
                    AND slots.patient_id = waitlist.patient_id
                    AND \(fragment: WaitlistEntry.wantsSlot)
                RETURNING waitlist.*
            )
            INSERT INTO journal (\(fragment: JournalEntry.columns))
            SELECT
                \(clinicID),
                wish.entry_id,
                'waitlist_entry',
                withdrawn.id,
                withdrawn.version,
                wish.actor,
                'waitlist_entry.withdrawn',
                wish.request_id,
                jsonb_build_object('appointment_id', withdrawn.appointment_id)
            FROM withdrawn JOIN wish USING (id)
            """)
    }
}
