import FoundationEssentials
import Postgres

/// A slot to be made.
package struct SlotDraft: Hashable, Sendable {
    package let practitionerID: UUID
    package let startsAt: Date
    package let endsAt: Date
    package let capacity: Int

    /// - Throws: ``InvalidInput`` unless the slot ends after it starts, within a day, between the
    ///   years 2000 and 2200, and has 1 to 1,000 seats.
    package init(
        practitionerID: UUID, startsAt: Date, endsAt: Date, capacity: Int = 1
    ) throws(InvalidInput) {
        try Self.check(startsAt: startsAt)
        try Self.check(capacity: capacity)
        guard startsAt < endsAt else { throw InvalidInput("ends_at", "must be after starts_at") }
        guard endsAt.timeIntervalSince(startsAt) <= 86_400 else {
            throw InvalidInput("ends_at", "must be within 24 hours of starts_at")
        }
        self.practitionerID = practitionerID
        self.startsAt = startsAt
        self.endsAt = endsAt
        self.capacity = capacity
    }

    static func check(startsAt: Date) throws(InvalidInput) {
        guard years.contains(startsAt) else {
            throw InvalidInput("starts_at", "must lie between the years 2000 and 2200")
        }
    }

    static func check(capacity: Int) throws(InvalidInput) {
        guard (1...1000).contains(capacity) else {
            throw InvalidInput("capacity", "must be between 1 and 1000")
        }
    }

    /// 2000-01-01 to 2200-01-01, UTC.
    private static let years =
        Date(timeIntervalSince1970: 946_684_800)..<Date(timeIntervalSince1970: 7_258_118_400)
}

extension CalendarService {
    /// Makes slots, all or none, in one statement.
    /// - Throws: `slotOverlap` if a practitioner already has a slot then; `practitionerNotFound`.
    package func createSlots(
        _ drafts: [SlotDraft], in clinicID: UUID, by author: Author
    ) async throws -> [Slot] {
        let ids = drafts.map { _ in store.environment.newID() }
        let entryIDs = drafts.map { _ in store.environment.newID() }
        do {
            return try await store.write(to: clinicID) { tx in
                let slots = try tx.all(
                    Slot.self,
                    """
                    WITH draft AS (
                        SELECT *
                        FROM unnest(
                            \(ids),
                            \(entryIDs),
                            \(drafts.map(\.practitionerID)),
                            \(drafts.map(\.startsAt)),
                            \(drafts.map(\.endsAt)),
                            \(drafts.map(\.capacity))
                        ) AS draft (id, entry_id, practitioner_id, starts_at, ends_at, capacity)
                    ),
                    slots AS (
                        INSERT INTO slots (
                            clinic_id,
                            id,
                            practitioner_id,
                            starts_at,
                            ends_at,
                            capacity
                        )
                        SELECT \(clinicID), id, practitioner_id, starts_at, ends_at, capacity
                        FROM draft
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
                            jsonb_build_object(
                                'practitioner_id', slots.practitioner_id,
                                'starts_at', slots.starts_at,
                                'ends_at', slots.ends_at,
                                'capacity', slots.capacity
                            )
                        FROM slots JOIN draft USING (id)
                    )
                    SELECT \(fragment: Slot.columns)
                    FROM slots
                    ORDER BY slots.starts_at, slots.id
                    """)
                // Those that did not come back were in the way of others: all or none.
                guard slots.count == drafts.count else { throw CalendarError.slotOverlap }
                return .known(slots)
            }
        } catch let error as PostgresError where error.sqlState == .foreignKeyViolation {
            throw CalendarError.practitionerNotFound
        }
    }

    /// One slot.
    /// - Throws: `slotNotFound`.
    package func slot(_ id: UUID, in clinicID: UUID) async throws -> Slot {
        let slot = try await store.read { tx in tx.pipeline.slot(id, in: clinicID) }
        guard let slot else { throw CalendarError.slotNotFound }
        return slot
    }
}

extension Pipeline {
    /// Queues the reading of a slot.
    func slot(_ id: UUID, in clinicID: UUID) -> Pending<Slot?> {
        optional(
            Slot.self,
            """
            SELECT \(fragment: Slot.columns)
            FROM slots
            WHERE slots.clinic_id = \(clinicID) AND slots.id = \(id)
            """)
    }
}
