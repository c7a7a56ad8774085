import FoundationEssentials
import Postgres

/// What the making of many slots came to.
package struct SlotsMade: Hashable, Sendable {
    package let created: Int
    /// Those for which there is no such time on the clinic's clocks, or which would lie in time off or
    /// overlap with a slot that is there.
    package let skipped: Int
}

extension CalendarService {
    /// Makes the slots of a practitioner's weekly hours, and gives them to those who wait for such.
    ///
    /// Slots that are there, and time off, are left alone, so that done twice it makes nothing twice.
    /// PostgreSQL has the rules of the clinic's time zone: a time that a change of clocks skips is skipped,
    /// of one that comes twice the first is used. A slot lasts its minutes whatever the clocks do
    /// meanwhile.
    /// - Throws: `practitionerNotFound`.
    package func createSlots(
        of availability: Availability, in clinicID: UUID, by author: Author,
        once: Once<SlotsMade>? = nil
    ) async throws -> SlotsMade {
        let practitionerID = availability.practitionerID
        return try await store.write(to: clinicID, once: once) { [newID = store.newID] tx in
            tx.pipeline.lockCalendars(of: [practitionerID], in: clinicID)
            let practitioner = tx.pipeline.practitioner(practitionerID, in: clinicID)
            let instants = tx.pipeline.instants(of: availability, in: clinicID)
            guard try practitioner.get() != nil else { throw CalendarError.practitionerNotFound }
            let rows = try instants.get().map { instant in
                try SlotRow(
                    SlotDraft(
                        practitionerID: practitionerID, startsAt: instant.value,
                        endsAt: instant.value.addingTimeInterval(
                            Double(availability.slotMinutes) * 60),
                        capacity: availability.capacity),
                    id: newID(), entryID: newID())
            }
            var made: [LockedSlot] = []
            // In parts, so that no statement takes long.
            for part in stride(from: 0, to: rows.count, by: 2000) {
                made += try tx.pipeline.insert(
                    Array(rows[part..<min(part + 2000, rows.count)]), in: clinicID, by: author
                ).get()
            }
            // Nobody waits for a new slot's lock, so that this late the waitlist's is in order.
            tx.pipeline.lockWaitlist(of: clinicID)
            try tx.promote(into: made, in: clinicID, requestID: author.requestID, newID)
            return .known(
                SlotsMade(
                    created: made.count,
                    skipped: availability.days.count * availability.starts.count - made.count))
        }
    }
}

extension Pipeline {
    /// Queues the reading of the instants at which slots are to begin, those in time off left out.
    ///
    /// A day before a local time and a day behind it, the zone is as far from UTC as it is on either side of
    /// a change of clocks nearby. Each of the two distances gives an instant; the earlier one that really is
    /// that local time counts, and if neither is, there is no such time.
    fileprivate func instants(
        of availability: Availability, in clinicID: UUID
    ) -> Pending<[Scalar<Date>]> {
        all(
            Scalar<Date>.self,
            """
            WITH local AS (
                SELECT day + start * interval '1 minute' AS time
                FROM unnest(\(availability.days)) AS day
                CROSS JOIN unnest(\(availability.starts)) AS start
            ),
            instant AS (
                SELECT min(candidate.at) AS at
                FROM local
                JOIN clinics ON clinics.id = \(clinicID)
                CROSS JOIN LATERAL (
                    SELECT
                        local.time AT TIME ZONE 'UTC' - (
                            near.time AT TIME ZONE 'UTC' AT TIME ZONE clinics.time_zone - near.time
                        ) AS at
                    FROM (
                        VALUES
                            (local.time - interval '1 day'),
                            (local.time + interval '1 day')
                    ) AS near (time)
                ) AS candidate
                WHERE candidate.at AT TIME ZONE clinics.time_zone = local.time
                GROUP BY local.time
            )
            SELECT at
            FROM instant
            WHERE NOT EXISTS (
                SELECT
                FROM time_off
                WHERE time_off.clinic_id = \(clinicID)
                    AND time_off.practitioner_id = \(availability.practitionerID)
                    AND time_off.ends_at > at
                    AND time_off.starts_at < at + \(availability.slotMinutes) * interval '1 minute'
            )
            ORDER BY at
            """)
    }
}
