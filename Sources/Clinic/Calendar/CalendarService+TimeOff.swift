import FoundationEssentials
import Postgres

extension CalendarService {
    /// Arranges time off: what is free in it is blocked, what is booked is listed and stays.
    ///
    /// Its promise holds for what comes later: a slot that is made in it, and a seat that is freed in it,
    /// are blocked as well. A hold that lives goes on underneath.
    /// - Throws: `practitionerNotFound`.
    package func createTimeOff(
        _ draft: TimeOff.Draft, in clinicID: UUID, by author: Author,
        once: Once<TimeOff.Arranged>? = nil
    ) async throws -> TimeOff.Arranged {
        let id = store.newID()
        let entryID = store.newID()
        return try await store.write(to: clinicID, once: once) { [newID = store.newID] tx in
            let practitioner = tx.pipeline.lockCalendars(
                of: [draft.practitionerID], in: clinicID)
            tx.pipeline.insert(draft, id, in: clinicID)
            let slots = tx.pipeline.lockSlots(
                from: draft.startsAt, to: draft.endsAt, of: draft.practitionerID, in: clinicID)
            guard try practitioner.get() == 1 else { throw CalendarError.practitionerNotFound }
            let open = try slots.get().filter { !$0.isBlocked && $0.booked < $0.capacity }
            tx.pipeline.block(open, for: id, in: clinicID, by: author, newID)
            tx.pipeline.record(
                JournalEntry(
                    id: entryID, clinicID: clinicID, objectType: .timeOff, objectID: id,
                    version: 1, action: "time_off.created", author: author,
                    detail: """
                        jsonb_strip_nulls(jsonb_build_object(
                            'practitioner_id', \(draft.practitionerID),
                            'starts_at', \(draft.startsAt),
                            'ends_at', \(draft.endsAt),
                            'reason', \(draft.reason)))
                        """))
            let booked = try tx.all(
                Appointment.self,
                """
                SELECT \(fragment: Appointment.columns)
                FROM appointments
                WHERE clinic_id = \(clinicID)
                    AND occupied_slot_id = ANY(\(slots.get().map(\.id)))
                ORDER BY starts_at, id
                """)
            return .known(TimeOff.Arranged(id: id, blocked: open.count, booked: booked))
        }
    }

    /// A clinic's time off by the time at which it starts.
    /// - Throws: `clinicNotFound`.
    package func timeOff(
        in clinicID: UUID, of practitionerID: UUID?, from: Date?, to: Date?, _ page: PageRequest
    ) async throws -> Page<TimeOff> {
        let condition: SQL = practitionerID.map { "AND practitioner_id = \($0)" } ?? .nothing
        return try await store.page(
            page, in: clinicID, by: { Keyset(time: $0.startsAt, id: $0.id) }
        ) {
            pipeline in
            pipeline.all(
                TimeOff.self,
                """
                SELECT \(fragment: TimeOff.columns)
                FROM time_off
                WHERE clinic_id = \(clinicID)
                    \(fragment: condition)
                    AND starts_at >= \(from ?? .distantPast)
                    AND starts_at < \(to ?? .distantFuture)
                    AND (starts_at, id) > (\(page.start.time), \(page.start.id))
                ORDER BY starts_at, id
                LIMIT \(page.rowsToRead)
                """)
        }
    }

    /// Ends a time off: the slots that it blocked are free again, unless they lie in another one, and go
    /// to those who wait for such. What an administrator has blocked by hand stays blocked.
    /// - Throws: `timeOffNotFound`.
    package func deleteTimeOff(
        _ id: UUID, in clinicID: UUID, by author: Author, once: Once<Void>? = nil
    ) async throws {
        let entryID = store.newID()
        try await store.write(to: clinicID, once: once) { [newID = store.newID] tx in
            tx.pipeline.lockCalendar(ofTimeOff: id, in: clinicID)
            tx.pipeline.lockWaitlist(of: clinicID)
            let ended = try tx.optional(
                TimeOff.self,
                """
                DELETE FROM time_off
                WHERE clinic_id = \(clinicID) AND id = \(id)
                RETURNING \(fragment: TimeOff.columns)
                """)
            guard let ended else { throw CalendarError.timeOffNotFound }
            let slots = try tx.pipeline.lockSlots(
                from: ended.startsAt, to: ended.endsAt, of: ended.practitionerID, in: clinicID
            ).get()
            tx.pipeline.unblock(slots, afterTimeOff: id, in: clinicID, by: author, newID)
            tx.pipeline.record(
                JournalEntry(
                    id: entryID, clinicID: clinicID, objectType: .timeOff, objectID: id,
                    version: 2, action: "time_off.deleted", author: author))
            // All of them: one that somebody had opened by hand is not in time off any more, either.
            try tx.promote(into: slots, in: clinicID, requestID: author.requestID, newID)
            return .known(())
        }
    }
}

extension Pipeline {
    /// Queues the row lock of the practitioner who has a time off.
    fileprivate func lockCalendar(ofTimeOff id: UUID, in clinicID: UUID) {
        execute(
            """
            SELECT
            FROM practitioners
            WHERE clinic_id = \(clinicID)
                AND id = (
                    SELECT practitioner_id
                    FROM time_off
                    WHERE clinic_id = \(clinicID) AND id = \(id)
                )
            FOR NO KEY UPDATE
            """)
    }

    fileprivate func insert(_ draft: TimeOff.Draft, _ id: UUID, in clinicID: UUID) {
        execute(
            """
            INSERT INTO time_off (clinic_id, id, practitioner_id, starts_at, ends_at, reason)
            SELECT
                clinic_id,
                \(id),
                id,
                \(draft.startsAt),
                \(draft.endsAt),
                \(draft.reason)
            FROM practitioners
            WHERE clinic_id = \(clinicID) AND id = \(draft.practitionerID)
            """)
    }

    /// Queues the row locks of a practitioner's slots that lie in a time in part or whole, by id.
    fileprivate func lockSlots(
        from start: Date, to end: Date, of practitionerID: UUID, in clinicID: UUID
    ) -> Pending<[LockedSlot]> {
        all(
            LockedSlot.self,
            """
            SELECT \(fragment: LockedSlot.columns)
            FROM slots
            WHERE clinic_id = \(clinicID)
                AND practitioner_id = \(practitionerID)
                AND starts_at > \(start) - interval '24 hours'
                AND starts_at < \(end)
                AND ends_at > \(start)
            ORDER BY id
            FOR UPDATE
            """)
    }

    /// Queues the blocking of slots.
    fileprivate func block(
        _ slots: [LockedSlot], for timeOffID: UUID, in clinicID: UUID, by author: Author,
        _ newID: () -> UUID
    ) {
        execute(
            """
            WITH blocked AS (
                UPDATE slots
                SET blocked = true, time_off_id = \(timeOffID), version = version + 1
                WHERE clinic_id = \(clinicID) AND id = ANY(\(slots.map(\.id)))
                RETURNING *
            )
            INSERT INTO journal (\(fragment: JournalEntry.columns))
            SELECT
                \(clinicID),
                slot.entry_id,
                'slot',
                id,
                blocked.version,
                \(author.subject),
                'slot.blocked',
                \(author.requestID),
                jsonb_build_object('time_off_id', blocked.time_off_id)
            FROM blocked
            JOIN unnest(\(slots.map(\.id)), \(slots.map { _ in newID() })) AS slot (id, entry_id)
                USING (id)
            """)
    }

    /// Queues the unblocking of those slots that a time off has blocked which is no more.
    fileprivate func unblock(
        _ slots: [LockedSlot], afterTimeOff id: UUID, in clinicID: UUID, by author: Author,
        _ newID: () -> UUID
    ) {
        execute(
            """
            WITH changed AS (
                UPDATE slots
                SET blocked = \(fragment: TimeOff.covering("slots", in: clinicID)) IS NOT NULL,
                    time_off_id = \(fragment: TimeOff.covering("slots", in: clinicID)),
                    version = version + 1
                WHERE clinic_id = \(clinicID)
                    AND slots.id = ANY(\(slots.map(\.id)))
                    AND time_off_id = \(id)
                RETURNING *
            )
            INSERT INTO journal (\(fragment: JournalEntry.columns))
            SELECT
                \(clinicID),
                slot.entry_id,
                'slot',
                id,
                changed.version,
                \(author.subject),
                CASE WHEN changed.blocked THEN 'slot.blocked' ELSE 'slot.unblocked' END,
                \(author.requestID),
                jsonb_strip_nulls(jsonb_build_object('time_off_id', changed.time_off_id))
            FROM changed
            JOIN unnest(\(slots.map(\.id)), \(slots.map { _ in newID() })) AS slot (id, entry_id)
                USING (id)
            """)
    }
}
