import FoundationEssentials
import Postgres

// Whatever frees a seat gives it away in the same transaction, while it has the slot's lock: nobody can
// take it in between. Who has waited longest and can come gets it; who cannot is passed over and waits on.

extension Transaction {
    /// Gives the free seats of slots to those who wait for such, until there is nobody left who can have
    /// one of those that are left.
    ///
    /// Those who are next are locked in the list's order; what they get is decided by what the statements
    /// behind that find. `FOR UPDATE`, not `SKIP LOCKED`: an entry that another promotion has may be here
    /// again when that is rolled back.
    /// - Parameters:
    ///   - slots: Locked by this transaction, which also has the waitlist's lock, alone if there can be
    ///     several seats. Not all need have a seat.
    ///   - requestID: Of the request that freed them.
    /// - Returns: How many seats were given away.
    @discardableResult
    func promote(
        into slots: [LockedSlot], in clinicID: UUID, leaving: Leaving? = nil, requestID: String,
        _ newID: () -> UUID
    ) throws -> Int {
        let search = PromotionSearch(slots, in: clinicID, leaving: leaving)
        guard !search.slots.isEmpty else { return 0 }
        let author = Author(subject: "system:waitlist", requestID: requestID)
        var promoted = 0
        while promoted < search.seats {
            let wishes = pipeline.lockWishes(search)
            let open = pipeline.openSlots(search)
            let busy = pipeline.busyTimes(search)
            var rule = PromotionRule(
                open: try open.get(), busy: try busy.get(), leaving: leaving)
            let found = try wishes.get()
            let promotions = rule.decide(found.filter(\.isNext).map(\.wish))
            if promotions.isEmpty {
                // Those who were next may have got something else while they were waited for.
                guard try pipeline.isAnybodyNext(search).get() else { break }
                continue
            }
            promoted += try give(
                promotions, of: found.map(\.wish), in: clinicID, by: author, newID)
        }
        return promoted
    }

    /// Books what was decided. Who has become busy in this instant is left out; the next look finds that.
    /// - Returns: How many seats were given away.
    private func give(
        _ promotions: [PromotionRule.Promotion], of wishes: [LockedWish], in clinicID: UUID,
        by author: Author, _ newID: () -> UUID
    ) throws -> Int {
        let bookings = promotions.map { promotion in
            Booking(
                BookingRequest(
                    slotID: promotion.slot.id, patientID: promotion.wish.patientID, reason: nil,
                    author: author),
                fulfilling: promotion.wish.id, newID: newID)
        }
        // Those that are promoted do not wait any more by then.
        let others = wishes.filter { wish in
            promotions.contains { $0.wish.patientID == wish.patientID && wish.wants($0.slot) }
        }
        let made = pipeline.write(bookings, at: nil, in: clinicID)
        pipeline.promote(bookings, in: clinicID, by: author, newID)
        pipeline.withdrawWishes(
            others.map { FulfilledWish(id: $0.id, author: author) },
            fulfilledBy: bookings.map(\.id), in: clinicID, newID)
        return try made.get().count
    }
}

/// What is to give away, and where.
private struct PromotionSearch {
    let slots: [LockedSlot]
    let seats: Int
    let clinicID: UUID
    let leaving: Leaving?
    let practitioners: [UUID]
    let firstStart: Date
    let lastStart: Date
    let lastEnd: Date

    init(_ slots: [LockedSlot], in clinicID: UUID, leaving: Leaving?) {
        self.slots = slots.filter { $0.booked < $0.capacity }
        seats = self.slots.reduce(0) { $0 + $1.capacity - $1.booked }
        self.clinicID = clinicID
        self.leaving = leaving
        practitioners = Array(Set(self.slots.map(\.practitionerID)))
        firstStart = self.slots.map(\.startsAt).min() ?? .distantFuture
        lastStart = self.slots.map(\.startsAt).max() ?? .distantPast
        lastEnd = self.slots.map(\.endsAt).max() ?? .distantPast
    }

    /// Patients who are looked at together: some more than there are seats for.
    var limit: Int { min(200, seats + 4) }

    /// The slot, of a table called `slots`, can be booked and given away.
    var isOpen: SQL {
        """
        slots.clinic_id = \(clinicID)
        AND slots.id = ANY(\(slots.map(\.id)))
        AND slots.starts_at BETWEEN \(firstStart) AND \(lastStart)
        AND \(fragment: Slot.liveStatus) = 'free'
        AND slots.starts_at > clock_timestamp()
        AND \(fragment: TimeOff.covering("slots", in: clinicID)) IS NULL
        """
    }

    /// Those who wait for one of the slots and can have it, who has waited longest first.
    var next: SQL {
        """
        SELECT waitlist.id, waitlist.patient_id
        FROM waitlist
        WHERE waitlist.clinic_id = \(clinicID)
            AND \(fragment: WaitlistEntry.isWaiting)
            AND waitlist.wanted_from <= \(lastStart)
            AND waitlist.wanted_to > \(firstStart)
            AND coalesce(waitlist.practitioner_id = ANY(\(practitioners)), true)
            AND EXISTS (
                SELECT
                FROM unnest(\(practitioners)) AS practitioner (id)
                JOIN slots
                    ON slots.practitioner_id = practitioner.id
                    AND \(fragment: isOpen)
                WHERE \(fragment: WaitlistEntry.wantsSlot)
                    AND \(fragment: WaitlistEntry.canHaveSlot(in: clinicID))
                    AND (waitlist.patient_id, slots.id)
                        IS DISTINCT FROM (\(leaving?.patientID), \(leaving?.slotID))
            )
        ORDER BY waitlist.created_at, waitlist.id
        LIMIT \(limit)
        """
    }
}

/// What one of the next patients waits for.
private struct FoundWish: RowDecodable {
    /// Whether it is among the next itself. The patient's other wishes come in their turn.
    let isNext: Bool
    let wish: LockedWish

    init(row: inout Row) throws {
        isNext = try row.next()
        wish = try LockedWish(row: &row)
    }
}

extension Pipeline {
    /// Queues the row locks of all that the next patients wait for, in the list's order.
    fileprivate func lockWishes(_ search: PromotionSearch) -> Pending<[FoundWish]> {
        all(
            FoundWish.self,
            """
            WITH next AS MATERIALIZED (\(fragment: search.next))
            SELECT
                id = ANY(ARRAY(SELECT next.id FROM next)),
                \(fragment: LockedWish.columns)
            FROM waitlist
            WHERE clinic_id = \(search.clinicID)
                AND \(fragment: WaitlistEntry.isWaiting)
                AND patient_id = ANY(ARRAY(SELECT next.patient_id FROM next))
            ORDER BY created_at, id
            FOR UPDATE
            """)
    }

    /// Queues the question whether anybody is next by now.
    fileprivate func isAnybodyNext(_ search: PromotionSearch) -> Pending<Bool> {
        one(Scalar<Bool>.self, "SELECT EXISTS (\(fragment: search.next))").map(\.value)
    }

    /// Queues the reading of those slots that have a seat to give away.
    fileprivate func openSlots(_ search: PromotionSearch) -> Pending<[LockedSlot]> {
        all(
            LockedSlot.self,
            "SELECT \(fragment: LockedSlot.columns) FROM slots WHERE \(fragment: search.isOpen)")
    }

    /// Queues the reading of when those who wait are busy.
    fileprivate func busyTimes(_ search: PromotionSearch) -> Pending<[BusyTime]> {
        all(
            BusyTime.self,
            """
            SELECT DISTINCT
                appointments.patient_id,
                appointments.starts_at,
                appointments.ends_at
            FROM waitlist
            JOIN appointments
                ON appointments.clinic_id = \(search.clinicID)
                AND appointments.patient_id = waitlist.patient_id
                AND appointments.status <> 'cancelled'
                AND tstzrange(appointments.starts_at, appointments.ends_at)
                    && tstzrange(\(search.firstStart), \(search.lastEnd))
            WHERE waitlist.clinic_id = \(search.clinicID)
                AND \(fragment: WaitlistEntry.isWaiting)
                AND waitlist.wanted_from <= \(search.lastStart)
                AND waitlist.wanted_to > \(search.firstStart)
            """)
    }

    /// Queues the fulfilment of the wishes that bookings are for, of those that were made.
    fileprivate func promote(
        _ bookings: [Booking], in clinicID: UUID, by author: Author, _ newID: () -> UUID
    ) {
        execute(
            """
            WITH booking AS (
                SELECT *
                FROM unnest(
                    \(bookings.map(\.id)),
                    \(bookings.map(\.wish)),
                    \(bookings.map { _ in newID() })
                ) AS booking (id, wish, entry_id)
            ),
            promoted AS (
                UPDATE waitlist
                SET status = 'promoted',
                    appointment_id = appointments.id,
                    version = waitlist.version + 1
                FROM booking
                JOIN appointments
                    ON appointments.clinic_id = \(clinicID) AND appointments.id = booking.id
                WHERE waitlist.clinic_id = \(clinicID) AND waitlist.id = booking.wish
                RETURNING waitlist.*
            )
            INSERT INTO journal (\(fragment: JournalEntry.columns))
            SELECT
                \(clinicID),
                booking.entry_id,
                'waitlist_entry',
                promoted.id,
                promoted.version,
                \(author.subject),
                'waitlist_entry.promoted',
                \(author.requestID),
                jsonb_build_object('appointment_id', promoted.appointment_id)
            FROM promoted JOIN booking ON booking.wish = promoted.id
            """)
    }
}
