import FoundationEssentials
import Postgres

extension CalendarService {
    /// Makes a slot.
    /// - Throws: As ``createSlots(_:in:by:once:)``.
    package func createSlot(
        _ draft: SlotDraft, in clinicID: UUID, by author: Author, once: Once<Slot>? = nil
    ) async throws -> Slot {
        let made = try await createSlots(
            [draft], in: clinicID, by: author, once: once?.map(\.first))
        guard let slot = made.first else { throw CalendarError.practitionerNotFound }
        return slot
    }

    /// Makes slots, all or none, and gives them to those who wait for such. In time off they are blocked.
    /// - Throws: `slotOverlap` if a practitioner already has a slot then; `practitionerNotFound`.
    package func createSlots(
        _ drafts: [SlotDraft], in clinicID: UUID, by author: Author, once: Once<[Slot]>? = nil
    ) async throws -> [Slot] {
        let ids = drafts.map { _ in (slot: store.newID(), entry: store.newID()) }
        let practitioners = Array(Set(drafts.map(\.practitionerID)))
        do {
            return try await store.write(to: clinicID, once: once) { [newID = store.newID] tx in
                tx.pipeline.lockCalendars(of: practitioners, in: clinicID)
                let made = try tx.pipeline.insert(
                    zip(drafts, ids).map { SlotRow($0, id: $1.slot, entryID: $1.entry) },
                    in: clinicID, by: author
                ).get()
                // Those that did not come back were in the way of others: all or none.
                guard made.count == drafts.count else { throw CalendarError.slotOverlap }
                tx.pipeline.lockWaitlist(of: clinicID)
                try tx.promote(
                    into: made, in: clinicID, requestID: author.requestID, newID)
                return .known(try tx.pipeline.slots(made.map(\.id), in: clinicID).get())
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
    /// Queues the reading of slots, the earliest first.
    func slots(_ ids: [UUID], in clinicID: UUID) -> Pending<[Slot]> {
        all(
            Slot.self,
            """
            SELECT \(fragment: Slot.columns)
            FROM slots
            WHERE slots.clinic_id = \(clinicID) AND slots.id = ANY(\(ids))
            ORDER BY slots.starts_at, slots.id
            """)
    }

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
