import FoundationEssentials
import Postgres

extension WaitlistService {
    /// Entries at the most that wait for one patient.
    static let entriesPerPatient = 20

    /// Has a patient wait for a seat, or gives it one that is free at once, so that nobody waits for a
    /// seat that is free.
    ///
    /// The waitlist's lock is had alone: while it is, no seat becomes free, and the free ones that are
    /// found are all there are. A few are locked, the earliest; if others take all of these meanwhile, more
    /// are tried.
    /// - Returns: The entry, which was promoted already if there was a seat.
    /// - Throws: `RecordError.patientNotFound`; `CalendarError.practitionerNotFound`; ``InvalidInput`` if
    ///   the time is over; `WaitlistError.tooManyEntries`; `LockError.lockLost`.
    package func join(
        _ request: WaitlistRequest, in clinicID: UUID, once: Once<WaitlistEntry>? = nil
    ) async throws -> WaitlistEntry {
        let id = store.newID()
        let entryID = store.newID()
        return try await store.write(to: clinicID, once: once) {
            [newID = store.newID] tx, attempt in
            let limit = min(4 << (2 * attempt), 4096)
            tx.pipeline.lockWaitlist(of: clinicID)
            let isLocked = tx.pipeline.holdsLock(
                request.lock, by: request.author, on: "\(request.patientID)", in: clinicID)
            let slots = tx.pipeline.lockFreeSlots(for: request, in: clinicID, limit: limit)
            let now = tx.pipeline.one(Scalar<Date>.self, "SELECT clock_timestamp()")
            let entries = tx.pipeline.one(
                Scalar<Int>.self,
                """
                SELECT count(*)
                FROM waitlist
                WHERE clinic_id = \(clinicID)
                    AND patient_id = \(request.patientID)
                    AND \(fragment: WaitlistEntry.isWaiting)
                """)
            let patientExists = tx.pipeline.patientExists(request.patientID, in: clinicID)
            let practitioner = request.practitionerID.map {
                tx.pipeline.practitioner($0, in: clinicID)
            }
            guard try patientExists.get() else { throw RecordError.patientNotFound }
            if let practitioner, try practitioner.get() == nil {
                throw CalendarError.practitionerNotFound
            }
            guard try isLocked.get() else { throw LockError.lockLost }
            guard try request.to > now.get().value else {
                throw InvalidInput("to", "must be in the future")
            }
            guard try entries.get().value < Self.entriesPerPatient else {
                throw WaitlistError.tooManyEntries
            }
            tx.pipeline.insert(request, id, in: clinicID)
            tx.pipeline.record(
                JournalEntry(
                    id: entryID, clinicID: clinicID, objectType: .waitlistEntry, objectID: id,
                    version: 1, action: "waitlist_entry.created", author: request.author,
                    detail: """
                        jsonb_strip_nulls(jsonb_build_object(
                            'patient_id', \(request.patientID),
                            'practitioner_id', \(request.practitionerID),
                            'from', \(request.from),
                            'to', \(request.to)))
                        """))
            let free = try slots.get()
            try tx.promote(
                into: free, in: clinicID, requestID: request.author.requestID, newID)
            let entry = try tx.one(
                WaitlistEntry.self,
                """
                SELECT \(fragment: WaitlistEntry.columns)
                FROM waitlist
                WHERE clinic_id = \(clinicID) AND id = \(id)
                """)
            if entry.status == .waiting,
                try tx.pipeline.isAnotherFree(for: entry, than: free, in: clinicID).get()
            {
                throw LocksMissed()
            }
            return .known(entry)
        }
    }
}

extension Pipeline {
    /// Queues the row locks of the earliest free slots that a patient wants and can have, by id.
    fileprivate func lockFreeSlots(
        for request: WaitlistRequest, in clinicID: UUID, limit: Int
    ) -> Pending<[LockedSlot]> {
        all(
            LockedSlot.self,
            """
            WITH waitlist AS MATERIALIZED (
                SELECT
                    \(request.patientID) AS patient_id,
                    \(request.practitionerID) AS practitioner_id,
                    -- What the search begins with: slots of the past are many.
                    greatest(\(request.from), statement_timestamp()) AS wanted_from,
                    \(request.to) AS wanted_to
            ),
            wanted AS MATERIALIZED (
                SELECT slots.id
                FROM waitlist
                JOIN practitioners
                    ON practitioners.clinic_id = \(clinicID)
                    AND practitioners.id = coalesce(waitlist.practitioner_id, practitioners.id)
                CROSS JOIN LATERAL (
                    SELECT *
                    FROM slots
                    WHERE slots.clinic_id = \(clinicID)
                        AND slots.practitioner_id = practitioners.id
                        AND \(fragment: WaitlistEntry.wantsSlot)
                        AND \(fragment: WaitlistEntry.canHaveSlot(in: clinicID))
                        AND \(fragment: TimeOff.covering("slots", in: clinicID)) IS NULL
                    ORDER BY slots.starts_at, slots.id
                    LIMIT \(limit)
                ) AS slots
                ORDER BY slots.starts_at, slots.id
                LIMIT \(limit)
            )
            SELECT \(fragment: LockedSlot.columns)
            FROM slots
            WHERE clinic_id = \(clinicID) AND id = ANY(ARRAY(SELECT id FROM wanted))
            ORDER BY id
            FOR UPDATE
            """)
    }

    /// Queues the question whether there is a free slot that the patient can have besides those that were
    /// looked at, which others have taken in the meantime or waited for longer.
    fileprivate func isAnotherFree(
        for entry: WaitlistEntry, than slots: [LockedSlot], in clinicID: UUID
    ) -> Pending<Bool> {
        one(
            Scalar<Bool>.self,
            """
            SELECT EXISTS (
                SELECT
                FROM waitlist
                JOIN practitioners
                    ON practitioners.clinic_id = \(clinicID)
                    AND practitioners.id = coalesce(waitlist.practitioner_id, practitioners.id)
                JOIN slots
                    ON slots.clinic_id = \(clinicID)
                    AND slots.practitioner_id = practitioners.id
                    AND slots.starts_at > statement_timestamp()
                    AND \(fragment: WaitlistEntry.wantsSlot)
                WHERE waitlist.clinic_id = \(clinicID)
                    AND waitlist.id = \(entry.id)
                    AND slots.id <> ALL(\(slots.map(\.id)))
                    AND \(fragment: WaitlistEntry.canHaveSlot(in: clinicID))
                    AND \(fragment: TimeOff.covering("slots", in: clinicID)) IS NULL
            )
            """
        ).map(\.value)
    }

    fileprivate func insert(_ request: WaitlistRequest, _ id: UUID, in clinicID: UUID) {
        execute(
            """
            INSERT INTO waitlist (
                clinic_id, id, patient_id, practitioner_id, wanted_from, wanted_to
            )
            VALUES (
                \(clinicID),
                \(id),
                \(request.patientID),
                \(request.practitionerID),
                \(request.from),
                \(request.to)
            )
            """)
    }
}
