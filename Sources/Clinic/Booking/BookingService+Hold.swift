import FoundationEssentials
import Postgres

// A hold is three columns of the slot's row, and counts until held_until by the database's clock. Nothing
// has to happen at its end: whoever looks at the slot looks at the clock, too.

extension BookingService {
    /// Keeps a slot of one seat for a patient, or goes on keeping it.
    ///
    /// A patient's holds are made one behind the other, so that they can be counted.
    /// - Throws: ``BookingRefused``; ``HoldError``; `LockError.lockLost`.
    package func hold(
        _ request: HoldRequest, in clinicID: UUID, once: Once<SlotHold>? = nil
    ) async throws -> SlotHold {
        let entryID = store.newID()
        do {
            return try await store.write(to: clinicID, once: once) { tx in
                tx.pipeline.awaitHolds(of: request.patientID, in: clinicID)
                let isLocked = tx.pipeline.holdsLock(
                    request.lock, by: request.author, on: "\(request.patientID)", in: clinicID)
                let slots = tx.pipeline.lockSlots([request.slotID], in: clinicID)
                let circumstances = tx.pipeline.holdCircumstances(request, in: clinicID)
                guard let slot = try slots.get().first else { throw BookingRefusal.slotNotFound }
                let patient = try circumstances.get()
                guard patient.isKnown else { throw BookingRefusal.patientNotFound }
                guard try isLocked.get() else { throw LockError.lockLost }
                try slot.checkHold(request, patient)
                let isRenewed = slot.isHeld(by: request.patientID, at: patient.readAt)
                let since = isRenewed ? slot.heldSince ?? patient.readAt : patient.readAt
                let until = min(
                    patient.readAt.addingTimeInterval(TimeInterval(request.lifetime)),
                    since.addingTimeInterval(TimeInterval(HoldRequest.limit)))
                tx.pipeline.execute(
                    """
                    UPDATE slots
                    SET held_by = \(request.patientID),
                        held_since = \(since),
                        held_until = \(until),
                        version = version + 1
                    WHERE clinic_id = \(clinicID) AND id = \(request.slotID)
                    """)
                tx.pipeline.record(
                    JournalEntry(
                        id: entryID, clinicID: clinicID, objectType: .slot,
                        objectID: request.slotID, version: slot.version + 1, action: "slot.held",
                        author: request.author,
                        detail: """
                            jsonb_build_object(
                                'patient_id', \(request.patientID), 'until', \(until))
                            """))
                return .known(
                    SlotHold(
                        slotID: request.slotID, patientID: request.patientID,
                        expiresAt: until, isRenewed: isRenewed))
            }
        } catch let refusal as BookingRefusal {
            throw await store.refused(refusal, request.slotID, in: clinicID)
        }
    }

    /// Lets go of a slot, which goes to who has waited longest for such a one.
    /// - Parameter patientID: Whose hold it must be, for a patient who ends its own; nil for staff.
    /// - Throws: `HoldError.holdNotFound`; `CalendarError.slotNotFound`; `LockError.lockLost`.
    package func endHold(
        of slotID: UUID, in clinicID: UUID, of patientID: UUID?, under lock: UUID? = nil,
        by author: Author, once: Once<Void>? = nil
    ) async throws {
        let entryID = store.newID()
        try await store.write(to: clinicID, once: once) { [newID = store.newID] tx in
            tx.pipeline.shareWaitlist(of: clinicID)
            let slots = tx.pipeline.lockSlots([slotID], in: clinicID)
            let now = tx.pipeline.one(Scalar<Date>.self, "SELECT clock_timestamp()")
            // Whose lock it has to be is only known now. Who has that lock alone waits for no slot with it.
            let isLocked = tx.pipeline.holdsLock(
                lock, by: author,
                on: "(SELECT held_by FROM slots WHERE clinic_id = \(clinicID) AND id = \(slotID))",
                in: clinicID)
            guard let slot = try slots.get().first else { throw CalendarError.slotNotFound }
            guard let holder = slot.heldBy, slot.isHeld(by: holder, at: try now.get().value),
                patientID == nil || patientID == holder
            else { throw HoldError.holdNotFound }
            guard try isLocked.get() else { throw LockError.lockLost }
            tx.pipeline.execute(
                """
                UPDATE slots
                SET \(fragment: SlotHold.ended),
                    version = version + 1
                WHERE clinic_id = \(clinicID) AND id = \(slotID)
                """)
            tx.pipeline.record(
                JournalEntry(
                    id: entryID, clinicID: clinicID, objectType: .slot, objectID: slotID,
                    version: slot.version + 1, action: "slot.released", author: author,
                    detail: "jsonb_build_object('patient_id', \(holder))"))
            try tx.promote(
                into: [slot], in: clinicID,
                leaving: Leaving(patientID: holder, slotID: slotID), requestID: author.requestID,
                newID)
            return .known(())
        }
    }
}

extension LockedSlot {
    /// Whether that patient has it held at that moment.
    fileprivate func isHeld(by patientID: UUID, at now: Date) -> Bool {
        guard let heldUntil else { return false }
        return heldBy == patientID && heldUntil > now
    }

    /// - Throws: ``BookingRefusal`` or ``HoldError``: why the patient cannot have it held.
    fileprivate func checkHold(_ request: HoldRequest, _ patient: HoldCircumstances) throws {
        guard startsAt > patient.readAt else { throw BookingRefusal.slotInPast }
        guard capacity == 1 else { throw HoldError.severalSeats }
        guard !isBlocked else { throw BookingRefusal.slotUnavailable }
        guard booked < capacity else { throw BookingRefusal.slotTaken }
        if let heldUntil, heldUntil > patient.readAt, heldBy != request.patientID {
            throw BookingRefusal.slotHeld(until: heldUntil)
        }
        guard patient.otherHolds < HoldRequest.holdsPerPatient else {
            throw HoldError.tooManyHolds
        }
    }
}

/// What is read behind the locks.
private struct HoldCircumstances: RowDecodable {
    let isKnown: Bool
    /// Live holds of the patient on other slots.
    let otherHolds: Int
    /// The database's clock.
    let readAt: Date

    init(row: inout Row) throws {
        isKnown = try row.next()
        otherHolds = try row.next()
        readAt = try row.next()
    }
}

extension Pipeline {
    /// Queues the wait for another hold of the patient that is being made.
    fileprivate func awaitHolds(of patientID: UUID, in clinicID: UUID) {
        execute(
            """
            SELECT pg_advisory_xact_lock(
                hashtextextended('holds ' || \(clinicID)::text || \(patientID)::text, 0)
            )
            """)
    }

    fileprivate func holdCircumstances(
        _ request: HoldRequest, in clinicID: UUID
    ) -> Pending<HoldCircumstances> {
        one(
            HoldCircumstances.self,
            """
            SELECT
                EXISTS (
                    SELECT
                    FROM patients
                    WHERE clinic_id = \(clinicID) AND id = \(request.patientID)
                ),
                (
                    SELECT count(*)
                    FROM slots
                    WHERE clinic_id = \(clinicID)
                        AND held_by = \(request.patientID)
                        AND held_until > clock_timestamp()
                        AND id <> \(request.slotID)
                ),
                clock_timestamp()
            """)
    }
}
