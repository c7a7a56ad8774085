import FoundationEssentials
import Postgres

extension BookingService {
    /// Up to five free slots instead of one that cannot be had: the same practitioner's nearest in
    /// time first, then those of colleagues with the same specialty.
    ///
    /// Read behind the transaction, without locks. Of each practitioner the 500 slots next to the
    /// wanted time on either side are looked at, which is weeks of a full calendar.
    func alternatives(
        to slotID: UUID, in clinicID: UUID, until deadline: Deadline? = nil
    ) async throws -> [Slot] {
        try await store.read(until: deadline) { tx in
            tx.pipeline.all(
                Slot.self,
                """
                WITH wanted AS MATERIALIZED (
                    SELECT
                        slots.practitioner_id,
                        slots.starts_at,
                        practitioners.specialty,
                        clock_timestamp() AS now
                    FROM slots
                    JOIN practitioners
                        ON practitioners.clinic_id = slots.clinic_id
                        AND practitioners.id = slots.practitioner_id
                    WHERE slots.clinic_id = \(clinicID) AND slots.id = \(slotID)
                )
                SELECT \(fragment: Slot.columns)
                FROM wanted
                JOIN practitioners
                    ON practitioners.clinic_id = \(clinicID)
                    AND practitioners.specialty = wanted.specialty
                CROSS JOIN LATERAL (
                    \(fragment: Self.nearest(.later, in: clinicID))
                    UNION ALL
                    \(fragment: Self.nearest(.earlier, in: clinicID))
                ) AS slots
                ORDER BY
                    slots.practitioner_id <> wanted.practitioner_id,
                    greatest(
                        slots.starts_at - wanted.starts_at,
                        wanted.starts_at - slots.starts_at
                    ),
                    slots.starts_at,
                    slots.id
                LIMIT 5
                """)
        }
    }

    private enum Direction {
        case later
        case earlier
    }

    /// One practitioner's nearest free slots on one side of the wanted time.
    private static func nearest(_ direction: Direction, in clinicID: UUID) -> SQL {
        let side: SQL =
            switch direction {
            case .later: "slots.starts_at >= greatest(wanted.starts_at, wanted.now)"
            case .earlier: "slots.starts_at < wanted.starts_at AND slots.starts_at > wanted.now"
            }
        let order: SQL =
            switch direction {
            case .later: "slots.starts_at"
            case .earlier: "slots.starts_at DESC"
            }
        return """
            (
                SELECT *
                FROM (
                    SELECT *
                    FROM slots
                    WHERE slots.clinic_id = \(clinicID)
                        AND slots.practitioner_id = practitioners.id
                        AND \(fragment: side)
                    ORDER BY \(fragment: order)
                    LIMIT 500
                ) AS slots
                WHERE slots.status = 'free'
                    OR (slots.status = 'busy-tentative' AND slots.held_until <= wanted.now)
                ORDER BY \(fragment: order)
                LIMIT 5
            )
            """
    }
}
