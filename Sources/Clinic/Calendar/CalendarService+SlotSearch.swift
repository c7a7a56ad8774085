import FoundationEssentials
import Postgres

/// Which slots are looked for. Nil: any.
package struct SlotFilter: Hashable, Sendable {
    package var practitionerID: UUID?
    package var specialty: String?
    package var status: SlotStatus?
    /// Slots that start at this instant or later.
    package var from: Date?
    /// Slots that start before this instant.
    package var to: Date?

    package init() {}
}

extension CalendarService {
    /// A clinic's slots by the time at which they start.
    ///
    /// The search index is by practitioner, so that no booking has to touch an index; each
    /// practitioner gives its first few slots in order and the list is merged from those.
    /// - Throws: `clinicNotFound`.
    package func slots(
        in clinicID: UUID, where filter: SlotFilter, _ page: PageRequest
    ) async throws -> Page<Slot> {
        try await store.page(page, in: clinicID, by: { Keyset(time: $0.startsAt, id: $0.id) }) {
            pipeline in
            pipeline.all(
                Slot.self,
                """
                SELECT \(fragment: Slot.columns)
                FROM practitioners
                CROSS JOIN LATERAL (
                    SELECT *
                    FROM slots
                    WHERE slots.clinic_id = \(clinicID)
                        AND slots.practitioner_id = practitioners.id
                        AND slots.starts_at >= \(filter.from ?? .distantPast)
                        AND slots.starts_at < \(filter.to ?? .distantFuture)
                        AND (slots.starts_at, slots.id) > (\(page.start.time), \(page.start.id))
                        \(fragment: filter.statusCondition)
                    ORDER BY slots.starts_at, slots.id
                    LIMIT \(page.rowsToRead)
                ) AS slots
                WHERE practitioners.clinic_id = \(clinicID)
                    \(fragment: filter.practitionerCondition)
                    \(fragment: filter.specialtyCondition)
                ORDER BY slots.starts_at, slots.id
                LIMIT \(page.rowsToRead)
                """)
        }
    }
}

extension SlotFilter {
    fileprivate var statusCondition: SQL {
        guard let status else { return .nothing }
        return "AND \(fragment: Slot.liveStatus) = \(status)"
    }

    fileprivate var practitionerCondition: SQL {
        guard let practitionerID else { return .nothing }
        return "AND practitioners.id = \(practitionerID)"
    }

    fileprivate var specialtyCondition: SQL {
        guard let specialty else { return .nothing }
        return "AND practitioners.specialty = \(specialty)"
    }
}
