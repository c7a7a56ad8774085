import FoundationEssentials
import Postgres

/// What is to be changed of a slot. Nil: stays as it is.
package struct SlotChanges: Hashable, Sendable {
    package var startsAt: Date?
    package var endsAt: Date?
    package var capacity: Int?
    /// Whether the clinic keeps it from being booked. Appointments that it has stay.
    package var isBlocked: Bool?

    package init() {}
}

// An administrator's edits meet patients who book the same slot. A booking locks the slot's row and
// raises its version; an edit is one UPDATE or DELETE of that row under the version that was seen. So
// the row orders them: behind a booking the edit finds another version, behind the edit the booking
// finds what the slot has become.
//
// The slot's lock comes before an edit all the same, and that of its practitioner's time off: the edit
// then looks at time off as it is, and not as it was before it waited.

extension CalendarService {
    /// Changes a slot, if it still has the given version and nothing that was promised breaks. A seat that
    /// becomes free goes to who waits for such a one; in time off the slot is blocked, unless `changes` says
    /// otherwise.
    ///
    /// Appointments are only looked at, not locked: whoever makes or ends one changes the version.
    /// - Throws: ``VersionConflict``; `slotNotFound`; `slotBooked` if appointments would be at another
    ///   time or without a seat; `slotHeld` if a hold would; `slotOverlap`; ``InvalidInput``.
    package func change(
        slot id: UUID, in clinicID: UUID, _ changes: SlotChanges, ifVersion version: Int,
        by author: Author
    ) async throws -> Slot {
        if let startsAt = changes.startsAt { try SlotDraft.check(startsAt: startsAt) }
        if let capacity = changes.capacity { try SlotDraft.check(capacity: capacity) }
        let entryID = store.newID()
        do {
            return try await store.write(to: clinicID) { [newID = store.newID] tx in
                tx.pipeline.shareCalendar(ofSlot: id, in: clinicID)
                tx.pipeline.lockWaitlist(of: clinicID)
                let locked = tx.pipeline.lockSlots([id], in: clinicID)
                let updates = tx.pipeline.execute(
                    """
                    UPDATE slots
                    SET starts_at = coalesce(\(changes.startsAt), starts_at),
                        ends_at = coalesce(\(changes.endsAt), ends_at),
                        capacity = coalesce(\(changes.capacity), capacity),
                        \(fragment: changes.block(in: clinicID)),
                        \(fragment: changes.holdOfOneSeat),
                        version = version + 1
                    WHERE clinic_id = \(clinicID)
                        AND id = \(id)
                        AND version = \(version)
                        AND \(fragment: changes.areValid)
                        AND \(fragment: changes.breakNothing(in: clinicID))
                    """)
                let slot = tx.pipeline.slot(id, in: clinicID)
                guard try updates.get() == 1, let changed = try slot.get() else {
                    throw try tx.refusal(
                        of: id, in: clinicID, from: version, unless: changes.obstacle)
                }
                tx.pipeline.record(
                    JournalEntry(
                        id: entryID, clinicID: clinicID, objectType: .slot, objectID: id,
                        version: changed.version, action: "slot.changed", author: author,
                        detail: """
                            jsonb_strip_nulls(jsonb_build_object(
                                'starts_at', \(changes.startsAt),
                                'ends_at', \(changes.endsAt),
                                'capacity', \(changes.capacity),
                                'blocked', \(changes.isBlocked)))
                            """))
                guard changed.status == .free, let before = try locked.get().first else {
                    return .known(changed)
                }
                let promoted = try tx.promote(
                    into: [before.changed(to: changed)], in: clinicID,
                    requestID: author.requestID, newID)
                guard promoted > 0 else { return .known(changed) }
                return .known(try tx.pipeline.slots([id], in: clinicID).get().first ?? changed)
            }
        } catch let error as PostgresError where error.violates("slot_no_overlap") {
            throw CalendarError.slotOverlap
        }
    }

    /// Deletes a slot, if it still has the given version and no active appointment. A hold on it ends.
    /// - Throws: ``VersionConflict``; `slotNotFound`, `slotBooked`.
    package func delete(
        slot id: UUID, in clinicID: UUID, ifVersion version: Int, by author: Author,
        once: Once<Void>? = nil
    ) async throws {
        let entryID = store.newID()
        try await store.write(to: clinicID, once: once) { tx in
            let deleted = try tx.execute(
                """
                DELETE FROM slots
                WHERE clinic_id = \(clinicID)
                    AND id = \(id)
                    AND version = \(version)
                    AND booked = 0
                """)
            guard deleted == 1 else {
                throw try tx.refusal(of: id, in: clinicID, from: version) { slot in
                    slot.booked > 0 ? CalendarError.slotBooked : nil
                }
            }
            tx.pipeline.record(
                JournalEntry(
                    id: entryID, clinicID: clinicID, objectType: .slot, objectID: id,
                    version: version + 1, action: "slot.deleted", author: author))
            return .known(())
        }
    }
}

extension SlotChanges {
    /// The limits of ``SlotDraft``, for what stays and what changes together.
    fileprivate var areValid: SQL {
        """
        (\(fragment: newEnd) > \(fragment: newStart)
        AND \(fragment: newEnd) - \(fragment: newStart) <= interval '24 hours')
        """
    }

    /// Who has an appointment keeps time and seat; who has a hold keeps the slot as it was seen.
    fileprivate func breakNothing(in clinicID: UUID) -> SQL {
        """
        (
            (\(fragment: newStart), \(fragment: newEnd)) = (slots.starts_at, slots.ends_at)
            OR slots.booked = 0 AND NOT \(fragment: Self.isHeld)
        )
        AND (
            coalesce(\(capacity), slots.capacity) = slots.capacity
            OR NOT \(fragment: Self.isHeld)
            AND \(capacity) >= coalesce((
                SELECT max(seat)
                FROM appointments
                WHERE appointments.clinic_id = \(clinicID)
                    AND appointments.occupied_slot_id = slots.id
            ), 0)
        )
        """
    }

    /// A slot of several seats has no hold, not even one that has expired.
    fileprivate var holdOfOneSeat: SQL {
        let hasOneSeat: SQL = "coalesce(\(capacity), slots.capacity) = 1"
        return """
            held_by = CASE WHEN \(fragment: hasOneSeat) THEN held_by END,
            held_since = CASE WHEN \(fragment: hasOneSeat) THEN held_since END,
            held_until = CASE WHEN \(fragment: hasOneSeat) THEN held_until END
            """
    }

    /// Whether the slot is blocked then. What an administrator has blocked by hand stays so until that is
    /// changed by hand.
    fileprivate func block(in clinicID: UUID) -> SQL {
        if let isBlocked { return "blocked = \(isBlocked), time_off_id = NULL" }
        let isBlockedByHand: SQL = "(slots.blocked AND slots.time_off_id IS NULL)"
        let timeOff: SQL = """
            CASE
                WHEN slots.booked < coalesce(\(capacity), slots.capacity) THEN
                    \(fragment: TimeOff.covering(
                        from: newStart, to: newEnd, of: "slots.practitioner_id", in: clinicID))
            END
            """
        return """
            blocked = \(fragment: isBlockedByHand) OR \(fragment: timeOff) IS NOT NULL,
            time_off_id = CASE
                WHEN NOT \(fragment: isBlockedByHand) THEN \(fragment: timeOff)
            END
            """
    }

    private var newStart: SQL { "coalesce(\(startsAt), slots.starts_at)" }
    private var newEnd: SQL { "coalesce(\(endsAt), slots.ends_at)" }
    /// By the clock behind the lock of the slot, which is taken by a statement before.
    private static let isHeld: SQL = "(slots.held_until > statement_timestamp()) IS TRUE"

    /// Why a slot of the right version was not changed; nil if nothing of it is there any more.
    /// - Throws: ``InvalidInput``.
    fileprivate func obstacle(_ slot: Slot) throws -> CalendarError? {
        _ = try SlotDraft(
            practitionerID: slot.practitionerID, startsAt: startsAt ?? slot.startsAt,
            endsAt: endsAt ?? slot.endsAt, capacity: capacity ?? slot.capacity)
        if let heldUntil = slot.heldUntil { return .slotHeld(until: heldUntil) }
        return slot.booked > 0 ? .slotBooked : nil
    }
}

extension Transaction {
    /// Why an administrator's statement touched no slot.
    fileprivate func refusal(
        of id: UUID, in clinicID: UUID, from version: Int,
        unless obstacle: (Slot) throws -> (any Error)?
    ) throws -> any Error {
        try refusal(
            of: .slot, id, in: clinicID, from: version,
            current: pipeline.slot(id, in: clinicID), as: VersionedObject.slot,
            notFound: CalendarError.slotNotFound, unless: obstacle)
    }
}

extension Pipeline {
    /// Queues the row lock of a slot's practitioner against those who make slots or arrange time off.
    fileprivate func shareCalendar(ofSlot id: UUID, in clinicID: UUID) {
        execute(
            """
            SELECT
            FROM practitioners
            WHERE clinic_id = \(clinicID)
                AND id = (
                    SELECT practitioner_id
                    FROM slots
                    WHERE clinic_id = \(clinicID) AND id = \(id)
                )
            FOR SHARE
            """)
    }
}

extension LockedSlot {
    /// The same row as it is now.
    fileprivate func changed(to slot: Slot) -> LockedSlot {
        LockedSlot(
            id: id, practitionerID: practitionerID, startsAt: slot.startsAt, endsAt: slot.endsAt,
            capacity: slot.capacity, booked: slot.booked, isBlocked: false, heldBy: heldBy,
            heldSince: heldSince, heldUntil: heldUntil, version: slot.version)
    }
}
