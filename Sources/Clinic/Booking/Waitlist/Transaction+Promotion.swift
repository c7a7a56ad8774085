import FoundationEssentials
import Postgres

// Whatever frees a seat gives it away in the same transaction, while it has the slot's lock: nobody can
// take it in between. Who has waited longest and can come gets it; who cannot is passed over and waits on.

/// A patient who has just left a slot, and is not offered it again.
struct Leaving: Sendable {
    let patientID: UUID
    let slotID: UUID
}

extension Transaction {
    /// Gives the free seats of slots to those who wait for such, first come, first served, each the
    /// earliest that it can have.
    ///
    /// One at a time: the waiting patient's entries are locked in the list's order, and what is done is
    /// decided by what the next statement finds. `FOR UPDATE`, not `SKIP LOCKED`: an entry that another
    /// promotion has may be here again when that is rolled back.
    /// - Parameters:
    ///   - slots: Locked by this transaction, which also has the waitlist's lock. Not all need have a seat.
    ///   - requestID: Of the request that freed them.
    /// - Returns: How many seats were given away.
    @discardableResult
    func promote(
        into slots: [LockedSlot], in clinicID: UUID, leaving: Leaving? = nil, requestID: String,
        _ newID: () -> UUID
    ) throws -> Int {
        var search = PromotionSearch(slots: slots, clinicID: clinicID, leaving: leaving)
        var promoted = 0
        while !search.slots.isEmpty {
            let entries = pipeline.lockEntries(search)
            guard let found = try pipeline.find(search).get() else { break }
            // Another promotion may have had the entry until now, so that somebody else is the next.
            guard try entries.get().contains(where: { $0.value == found.entryID }) else { continue }
            let booking = Booking(found, requestID: requestID, newID)
            let made = pipeline.write([booking], in: clinicID)
            pipeline.promote(found, booking, entryID: newID(), in: clinicID)
            pipeline.withdrawWishes(
                found.otherWishes.map { FulfilledWish(id: $0, author: booking.request.author) },
                fulfilledBy: [booking.id], in: clinicID, newID)
            if try made.get().isEmpty {
                // Busy since this moment: passed over.
                search.passed.append(found.entryID)
            } else {
                search.takeSeat(of: found.slotID)
                promoted += 1
            }
        }
        return promoted
    }
}

/// What is to give away, and to whom not.
private struct PromotionSearch {
    private(set) var slots: [LockedSlot]
    let clinicID: UUID
    let leaving: Leaving?
    /// Entries of patients who turned out to be busy.
    var passed: [UUID] = []

    init(slots: [LockedSlot], clinicID: UUID, leaving: Leaving?) {
        self.slots = slots.filter { $0.booked < $0.capacity }
        self.clinicID = clinicID
        self.leaving = leaving
    }

    mutating func takeSeat(of slotID: UUID) {
        guard let index = slots.firstIndex(where: { $0.id == slotID }) else { return }
        slots[index].booked += 1
        if slots[index].booked == slots[index].capacity { slots.remove(at: index) }
    }

    /// The first who waits for one of the slots and can have it, with the earliest such.
    var first: SQL {
        """
        SELECT waitlist.id, waitlist.patient_id, slots.id AS slot_id
        FROM waitlist
        CROSS JOIN LATERAL (
            SELECT slots.*
            FROM unnest(\(Array(Set(slots.map(\.practitionerID))))) AS practitioner (id)
            CROSS JOIN LATERAL (
                SELECT *
                FROM slots
                WHERE slots.clinic_id = \(clinicID)
                    AND slots.practitioner_id = practitioner.id
                    AND slots.id = ANY(\(slots.map(\.id)))
                    AND \(fragment: WaitlistEntry.wantsSlot)
                    AND \(fragment: WaitlistEntry.canHaveSlot)
                    AND \(fragment: TimeOff.covering("slots", in: clinicID)) IS NULL
                    AND (waitlist.patient_id, slots.id)
                        IS DISTINCT FROM (\(leaving?.patientID), \(leaving?.slotID))
                ORDER BY slots.starts_at, slots.id
                LIMIT 1
            ) AS slots
            ORDER BY slots.starts_at, slots.id
            LIMIT 1
        ) AS slots
        WHERE waitlist.clinic_id = \(clinicID)
            AND waitlist.status = 'waiting'
            AND waitlist.wanted_from <= \(slots.map(\.startsAt).max() ?? .distantPast)
            AND waitlist.wanted_to > \(slots.map(\.startsAt).min() ?? .distantFuture)
            AND waitlist.id <> ALL(\(passed))
        ORDER BY waitlist.created_at, waitlist.id
        LIMIT 1
        """
    }
}

/// Who is next, and for which slot.
private struct FoundWish: RowDecodable {
    let entryID: UUID
    let patientID: UUID
    let slotID: UUID
    /// What else the patient waits for and this would fulfil.
    let otherWishes: [UUID]

    init(row: inout Row) throws {
        entryID = try row.next()
        patientID = try row.next()
        slotID = try row.next()
        otherWishes = try row.next()
    }
}

extension Booking {
    fileprivate init(_ found: FoundWish, requestID: String, _ newID: () -> UUID) {
        self.init(
            BookingRequest(
                slotID: found.slotID, patientID: found.patientID, reason: nil,
                author: Author(subject: "system:waitlist", requestID: requestID)),
            fulfilling: found.entryID, newID: newID)
    }
}

extension Pipeline {
    /// Queues the row locks of all that the next patient waits for, in the list's order.
    fileprivate func lockEntries(_ search: PromotionSearch) -> Pending<[Scalar<UUID>]> {
        all(
            Scalar<UUID>.self,
            """
            SELECT id
            FROM waitlist
            WHERE clinic_id = \(search.clinicID)
                AND status = 'waiting'
                AND patient_id = (SELECT patient_id FROM (\(fragment: search.first)) AS first)
            ORDER BY created_at, id
            FOR UPDATE
            """)
    }

    /// Queues the reading of who is next, now that those who were are locked.
    fileprivate func find(_ search: PromotionSearch) -> Pending<FoundWish?> {
        optional(
            FoundWish.self,
            """
            SELECT
                first.id,
                first.patient_id,
                first.slot_id,
                ARRAY(
                    SELECT waitlist.id
                    FROM waitlist
                    JOIN slots
                        ON slots.clinic_id = \(search.clinicID) AND slots.id = first.slot_id
                    WHERE waitlist.clinic_id = \(search.clinicID)
                        AND waitlist.patient_id = first.patient_id
                        AND waitlist.status = 'waiting'
                        AND waitlist.id <> first.id
                        AND \(fragment: WaitlistEntry.wantsSlot)
                )
            FROM (\(fragment: search.first)) AS first
            """)
    }

    /// Queues the fulfilment of a wish, if the booking that fulfils it was made.
    fileprivate func promote(
        _ found: FoundWish, _ booking: Booking, entryID: UUID, in clinicID: UUID
    ) {
        execute(
            """
            WITH promoted AS (
                UPDATE waitlist
                SET status = 'promoted',
                    appointment_id = appointments.id,
                    version = waitlist.version + 1
                FROM appointments
                WHERE waitlist.clinic_id = \(clinicID)
                    AND waitlist.id = \(found.entryID)
                    AND appointments.clinic_id = \(clinicID)
                    AND appointments.id = \(booking.id)
                RETURNING waitlist.*
            )
            INSERT INTO journal (\(fragment: JournalEntry.columns))
            SELECT
                \(clinicID),
                \(entryID),
                'waitlist_entry',
                id,
                version,
                \(booking.request.author.subject),
                'waitlist_entry.promoted',
                \(booking.request.author.requestID),
                jsonb_build_object('appointment_id', appointment_id)
            FROM promoted
            """)
    }
}
