import FoundationEssentials
import Postgres

extension WaitlistService {
    /// Gives slots whose hold has expired to those who wait for such.
    ///
    /// A hold ends without a write, so nobody does it at that moment. Until it is done anybody can book
    /// such a slot. Several instances may do it at once.
    /// - Returns: How many seats were given away.
    @discardableResult
    package func offerExpiredHolds() async throws -> Int {
        let clinics = try await store.read { tx in
            tx.pipeline.all(
                Scalar<UUID>.self,
                """
                SELECT clinics.id
                FROM clinics
                WHERE EXISTS (
                        SELECT
                        FROM waitlist
                        WHERE waitlist.clinic_id = clinics.id
                            AND \(fragment: WaitlistEntry.isWaiting)
                    )
                    AND EXISTS (
                        SELECT
                        FROM slots
                        WHERE slots.clinic_id = clinics.id AND \(fragment: Slot.heldNoMore)
                    )
                """)
        }
        var promoted = 0
        for clinic in clinics.shuffled() {
            promoted += try await offerExpiredHolds(in: clinic.value)
        }
        return promoted
    }

    private func offerExpiredHolds(in clinicID: UUID) async throws -> Int {
        try await store.write(to: clinicID) { [newID = store.newID] tx in
            tx.pipeline.lockWaitlist(of: clinicID)
            // Who has one of them locked is about to book it, or to free it and do the same.
            let slots = try tx.all(
                LockedSlot.self,
                """
                SELECT \(fragment: LockedSlot.columns)
                FROM slots
                WHERE clinic_id = \(clinicID)
                    AND \(fragment: Slot.heldNoMore)
                    AND EXISTS (
                        SELECT
                        FROM waitlist
                        WHERE waitlist.clinic_id = \(clinicID)
                            AND \(fragment: WaitlistEntry.isWaiting)
                            AND \(fragment: WaitlistEntry.wantsSlot)
                            AND \(fragment: WaitlistEntry.canHaveSlot(in: clinicID))
                    )
                    AND \(fragment: TimeOff.covering("slots", in: clinicID)) IS NULL
                ORDER BY id
                LIMIT 100
                FOR UPDATE SKIP LOCKED
                """)
            let promoted = try tx.promote(
                into: slots, in: clinicID, requestID: "system:waitlist", newID)
            return promoted == 0 ? .unchanged(0) : .known(promoted)
        }
    }
}

extension Slot {
    /// Of a table called `slots`: its hold is over, and it could be booked.
    fileprivate static let heldNoMore: SQL = """
        slots.held_by IS NOT NULL
        AND slots.held_until <= clock_timestamp()
        AND slots.starts_at > clock_timestamp()
        AND slots.status = 'busy-tentative'
        """
}
