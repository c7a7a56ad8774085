import FoundationEssentials
import Logging
import Postgres

extension Store {
    /// A refusal with free slots to choose from, where another slot would help.
    func refused(
        _ refusal: BookingRefusal, _ slotID: UUID, in clinicID: UUID
    ) async -> BookingRefused {
        let wanted = refusal.wantsAlternatives ? [slotID] : []
        let suggestions = await suggestions(insteadOf: wanted, in: clinicID)
        return BookingRefused(refusal: refusal, alternatives: suggestions[slotID] ?? [])
    }

    /// What to choose from instead of each slot; nothing if it cannot be read now: refusals stand without.
    func suggestions(insteadOf slotIDs: [UUID], in clinicID: UUID) async -> [UUID: [Slot]] {
        let deadline = Deadline.now + .seconds(2)
        var found: [UUID: [Slot]] = [:]
        // A few at a time: in a full calendar each slot takes thousands of rows.
        for start in stride(from: 0, to: slotIDs.count, by: 8) {
            let few = Array(slotIDs[start..<min(start + 8, slotIDs.count)])
            do {
                found.merge(try await alternatives(to: few, in: clinicID, until: deadline)) { $1 }
            } catch {
                environment.logger.warning(
                    "no alternatives for a refusal", metadata: ["cause": "\(error)"])
                return found
            }
        }
        return found
    }

    /// For each slot that cannot be had up to five free ones: the same practitioner's nearest in time first,
    /// then those of colleagues with the same specialty.
    ///
    /// Read behind the transaction, without locks. Of each practitioner the 500 slots next to the
    /// wanted time on either side are looked at, which is weeks of a full calendar.
    func alternatives(
        to slotIDs: [UUID], in clinicID: UUID, until deadline: Deadline
    ) async throws -> [UUID: [Slot]] {
        let found = try await read(until: deadline) { tx in
            tx.pipeline.all(
                Alternative.self,
                """
                WITH wanted AS MATERIALIZED (
                    SELECT
                        slots.id,
                        slots.practitioner_id,
                        slots.starts_at,
                        practitioners.specialty,
                        clock_timestamp() AS now
                    FROM slots
                    JOIN practitioners
                        ON practitioners.clinic_id = slots.clinic_id
                        AND practitioners.id = slots.practitioner_id
                    WHERE slots.clinic_id = \(clinicID) AND slots.id = ANY(\(slotIDs))
                )
                SELECT wanted.id AS wanted_id, \(fragment: Slot.columns)
                FROM wanted
                CROSS JOIN LATERAL (
                    SELECT slots.*
                    FROM practitioners
                    CROSS JOIN LATERAL (
                        \(fragment: Self.nearest(.later, in: clinicID))
                        UNION ALL
                        \(fragment: Self.nearest(.earlier, in: clinicID))
                    ) AS slots
                    WHERE practitioners.clinic_id = \(clinicID)
                        AND practitioners.specialty = wanted.specialty
                    ORDER BY \(fragment: Self.nearestFirst)
                    LIMIT 5
                ) AS slots
                ORDER BY \(fragment: Self.nearestFirst)
                """)
        }
        return Dictionary(grouping: found, by: \.wantedID).mapValues { $0.map(\.slot) }
    }

    private static let nearestFirst: SQL = """
        slots.practitioner_id <> wanted.practitioner_id,
        greatest(slots.starts_at - wanted.starts_at, wanted.starts_at - slots.starts_at),
        slots.starts_at,
        slots.id
        """

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

/// A free slot instead of another one.
private struct Alternative: RowDecodable {
    let wantedID: UUID
    let slot: Slot

    init(row: inout Row) throws {
        wantedID = try row.next()
        slot = try Slot(row: &row)
    }
}
