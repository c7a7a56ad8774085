import FoundationEssentials
import Postgres

/// A slot that is about to be written.
struct SlotRow: Sendable {
    let draft: SlotDraft
    let id: UUID
    /// Of the journal.
    let entryID: UUID

    init(_ draft: SlotDraft, id: UUID, entryID: UUID) {
        self.draft = draft
        self.id = id
        self.entryID = entryID
    }
}

extension Pipeline {
    /// Queues the writing of slots where their practitioner has none yet, blocked where they lie in time
    /// off, each with its journal row. The earliest first: two who do this at once do not wait for each
    /// other.
    /// - Returns: Those that were written.
    func insert(
        _ rows: [SlotRow], in clinicID: UUID, by author: Author
    ) -> Pending<[LockedSlot]> {
        all(
            LockedSlot.self,
            """
            WITH draft AS (
                SELECT
                    *,
                    \(fragment: TimeOff.covering("draft", in: clinicID)) AS time_off_id
                FROM unnest(
                    \(rows.map(\.id)),
                    \(rows.map(\.entryID)),
                    \(rows.map(\.draft.practitionerID)),
                    \(rows.map(\.draft.startsAt)),
                    \(rows.map(\.draft.endsAt)),
                    \(rows.map(\.draft.capacity))
                ) AS draft (id, entry_id, practitioner_id, starts_at, ends_at, capacity)
            ),
            slots AS (
                INSERT INTO slots (
                    clinic_id,
                    id,
                    practitioner_id,
                    starts_at,
                    ends_at,
                    capacity,
                    blocked,
                    time_off_id
                )
                SELECT
                    \(clinicID),
                    id,
                    practitioner_id,
                    starts_at,
                    ends_at,
                    capacity,
                    time_off_id IS NOT NULL,
                    time_off_id
                FROM draft
                ORDER BY practitioner_id, starts_at
                ON CONFLICT ON CONSTRAINT slot_no_overlap DO NOTHING
                RETURNING *
            ),
            recorded AS (
                INSERT INTO journal (\(fragment: JournalEntry.columns))
                SELECT
                    \(clinicID),
                    draft.entry_id,
                    'slot',
                    slots.id,
                    slots.version,
                    \(author.subject),
                    'slot.created',
                    \(author.requestID),
                    jsonb_strip_nulls(jsonb_build_object(
                        'practitioner_id', slots.practitioner_id,
                        'starts_at', slots.starts_at,
                        'ends_at', slots.ends_at,
                        'capacity', slots.capacity,
                        'time_off_id', slots.time_off_id
                    ))
                FROM slots JOIN draft USING (id)
            )
            SELECT \(fragment: LockedSlot.columns)
            FROM slots
            """)
    }
}
