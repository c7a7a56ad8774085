import FoundationEssentials
import Postgres

/// Patients who wait for a seat, first come, first served.
package struct WaitlistService: Sendable {
    let store: Store

    package init(store: Store) { self.store = store }
}

/// What a patient wants and could not have.
package struct WaitlistRequest: Hashable, Sendable {
    package let patientID: UUID
    /// Nil: any.
    package let practitionerID: UUID?
    package let from: Date
    package let to: Date
    package let author: Author
    /// The lock on the patient's record under which it is made; nil if it needs none.
    package let lock: UUID?

    /// - Throws: ``InvalidInput`` unless `to` comes behind `from`, between the years 2000 and 2200.
    package init(
        patientID: UUID, practitionerID: UUID?, from: Date, to: Date, author: Author,
        lock: UUID? = nil
    ) throws(InvalidInput) {
        try SlotDraft.check(from, "from")
        try SlotDraft.check(to, "to")
        guard from < to else { throw InvalidInput("to", "must be after from") }
        self.patientID = patientID
        self.practitionerID = practitionerID
        self.from = from
        self.to = to
        self.author = author
        self.lock = lock
    }
}

/// Why the waitlist was not changed.
package enum WaitlistError: Error, Hashable, Sendable {
    case entryNotFound
    /// The patient has a seat already.
    case alreadyPromoted
    /// The patient waits for as much as one may wait for.
    case tooManyEntries
}

extension WaitlistService {
    /// One entry.
    /// - Parameter patientID: Only if it is this patient's.
    /// - Throws: `entryNotFound`.
    package func entry(
        _ id: UUID, in clinicID: UUID, of patientID: UUID? = nil
    ) async throws -> WaitlistEntry {
        let entry = try await store.read { tx in
            tx.pipeline.optional(
                WaitlistEntry.self,
                """
                SELECT \(fragment: WaitlistEntry.columns)
                FROM waitlist
                WHERE clinic_id = \(clinicID)
                    AND id = \(id)
                    AND patient_id = coalesce(\(patientID), patient_id)
                """)
        }
        guard let entry else { throw WaitlistError.entryNotFound }
        return entry
    }

    /// A clinic's waitlist in the order in which it is served.
    /// - Parameters:
    ///   - patientID: Only this patient's; nil: everybody's.
    ///   - status: Only such entries; nil: all.
    /// - Throws: `CalendarError.clinicNotFound`.
    package func entries(
        in clinicID: UUID, of patientID: UUID?, status: WaitlistStatus?, _ page: PageRequest
    ) async throws -> Page<WaitlistEntry> {
        let patientCondition: SQL = patientID.map { "AND patient_id = \($0)" } ?? .nothing
        // A literal: one plan for every status would not do for the index of those who wait.
        let statusCondition: SQL =
            switch status {
            case .waiting: "AND status = 'waiting'"
            case .some(let status): "AND status = \(status)"
            case nil: .nothing
            }
        return try await store.page(
            page, in: clinicID, by: { Keyset(time: $0.createdAt, id: $0.id) }
        ) { pipeline in
            pipeline.all(
                WaitlistEntry.self,
                """
                SELECT \(fragment: WaitlistEntry.columns)
                FROM waitlist
                WHERE clinic_id = \(clinicID)
                    \(fragment: patientCondition)
                    \(fragment: statusCondition)
                    AND (created_at, id) > (\(page.start.time), \(page.start.id))
                ORDER BY created_at, id
                LIMIT \(page.rowsToRead)
                """)
        }
    }

    /// Ends a wish; one that has ended without a seat stays as it is.
    /// - Parameter patientID: Only if it is this patient's.
    /// - Throws: ``WaitlistError``; `LockError.lockLost`.
    package func withdraw(
        _ id: UUID, in clinicID: UUID, of patientID: UUID? = nil, under lock: UUID? = nil,
        by author: Author, once: Once<Void>? = nil
    ) async throws {
        let entryID = store.newID()
        try await store.write(to: clinicID, once: once) { tx in
            let isLocked = tx.pipeline.holdsLock(
                lock, by: author,
                on:
                    "(SELECT patient_id FROM waitlist WHERE clinic_id = \(clinicID) AND id = \(id))",
                in: clinicID)
            let entry = try tx.optional(
                WaitlistEntry.self,
                """
                SELECT \(fragment: WaitlistEntry.columns)
                FROM waitlist
                WHERE clinic_id = \(clinicID)
                    AND id = \(id)
                    AND patient_id = coalesce(\(patientID), patient_id)
                FOR UPDATE
                """)
            guard let entry else { throw WaitlistError.entryNotFound }
            guard try isLocked.get() else { throw LockError.lockLost }
            switch entry.status {
            case .withdrawn: return .unchanged(())
            case .promoted: throw WaitlistError.alreadyPromoted
            case .waiting: break
            }
            tx.pipeline.execute(
                """
                UPDATE waitlist
                SET status = 'withdrawn', version = version + 1
                WHERE clinic_id = \(clinicID) AND id = \(id)
                """)
            tx.pipeline.record(
                JournalEntry(
                    id: entryID, clinicID: clinicID, objectType: .waitlistEntry, objectID: id,
                    version: entry.version + 1, action: "waitlist_entry.withdrawn", author: author))
            return .known(())
        }
    }
}
