import FoundationEssentials
import Postgres

/// A time at which a practitioner is away.
package struct TimeOff: Hashable, Sendable {
    package let id: UUID
    package let clinicID: UUID
    package let practitionerID: UUID
    package let startsAt: Date
    package let endsAt: Date
    package let reason: String?
    package let createdAt: Date

    /// A time off to be arranged.
    package struct Draft: Hashable, Sendable {
        package let practitionerID: UUID
        package let startsAt: Date
        package let endsAt: Date
        package let reason: String?

        /// - Parameter reason: 500 characters at the most.
        /// - Throws: ``InvalidInput`` unless it ends after it starts, within 10 years, between the years
        ///   2000 and 2200.
        package init(
            practitionerID: UUID, startsAt: Date, endsAt: Date, reason: String?
        ) throws(InvalidInput) {
            try SlotDraft.check(startsAt: startsAt)
            guard startsAt < endsAt else {
                throw InvalidInput("ends_at", "must be after starts_at")
            }
            guard endsAt.timeIntervalSince(startsAt) <= 3660 * 86_400 else {
                throw InvalidInput("ends_at", "must be within 3,660 days of starts_at")
            }
            self.practitionerID = practitionerID
            self.startsAt = startsAt
            self.endsAt = endsAt
            self.reason = reason
        }
    }

    /// What the arrangement of a time off came to.
    package struct Arranged: Hashable, Sendable {
        package let id: UUID
        /// How many slots it blocked.
        package let blocked: Int
        /// The active appointments that lie in it, which somebody has to move or to cancel.
        package let booked: [Appointment]
    }
}

extension TimeOff: RowDecodable {
    static let columns: SQL = """
        id,
        clinic_id,
        practitioner_id,
        starts_at,
        ends_at,
        reason,
        created_at
        """

    package init(row: inout Row) throws {
        id = try row.next()
        clinicID = try row.next()
        practitionerID = try row.next()
        startsAt = try row.next()
        endsAt = try row.next()
        reason = try row.next()
        createdAt = try row.next()
    }

    /// A time off in which a slot lies in part or whole: an expression that gives its id, or NULL.
    /// - Parameter slot: A table with `practitioner_id`, `starts_at` and `ends_at`.
    static func covering(_ slot: SQL, in clinicID: UUID) -> SQL {
        covering(
            from: "\(fragment: slot).starts_at", to: "\(fragment: slot).ends_at",
            of: "\(fragment: slot).practitioner_id", in: clinicID)
    }

    /// As ``covering(_:in:)``, of expressions.
    static func covering(
        from start: SQL, to end: SQL, of practitioner: SQL, in clinicID: UUID
    ) -> SQL {
        """
        (
            SELECT time_off.id
            FROM time_off
            WHERE time_off.clinic_id = \(clinicID)
                AND time_off.practitioner_id = \(fragment: practitioner)
                AND time_off.ends_at > \(fragment: start)
                AND time_off.starts_at < \(fragment: end)
            ORDER BY time_off.id
            LIMIT 1
        )
        """
    }
}

// Whoever makes slots or arranges time off has the practitioner's row alone; whoever changes a slot shares
// it. So no slot is made, or moved, without a look at a time off that is being arranged.

extension Pipeline {
    /// Queues the row locks of practitioners against others who make slots or arrange time off for them.
    /// - Returns: How many of them there are.
    @discardableResult
    func lockCalendars(of practitioners: [UUID], in clinicID: UUID) -> Pending<Int> {
        execute(
            """
            SELECT
            FROM practitioners
            WHERE clinic_id = \(clinicID) AND id = ANY(\(practitioners))
            ORDER BY id
            FOR NO KEY UPDATE
            """)
    }
}
