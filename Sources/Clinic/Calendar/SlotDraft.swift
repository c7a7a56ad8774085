import FoundationEssentials

/// A slot to be made.
package struct SlotDraft: Hashable, Sendable {
    package let practitionerID: UUID
    package let startsAt: Date
    package let endsAt: Date
    package let capacity: Int

    /// - Throws: ``InvalidInput`` unless the slot ends after it starts, within a day, between the
    ///   years 2000 and 2200, and has 1 to 1,000 seats.
    package init(
        practitionerID: UUID, startsAt: Date, endsAt: Date, capacity: Int = 1
    ) throws(InvalidInput) {
        try Self.check(startsAt: startsAt)
        try Self.check(capacity: capacity)
        guard startsAt < endsAt else { throw InvalidInput("ends_at", "must be after starts_at") }
        guard endsAt.timeIntervalSince(startsAt) <= 86_400 else {
            throw InvalidInput("ends_at", "must be within 24 hours of starts_at")
        }
        self.practitionerID = practitionerID
        self.startsAt = startsAt
        self.endsAt = endsAt
        self.capacity = capacity
    }

    static func check(startsAt: Date) throws(InvalidInput) { try check(startsAt, "starts_at") }

    /// - Parameter member: What the instant is called.
    static func check(_ instant: Date, _ member: String) throws(InvalidInput) {
        guard years.contains(instant) else {
            throw InvalidInput(member, "must lie between the years 2000 and 2200")
        }
    }

    static func check(capacity: Int) throws(InvalidInput) {
        guard (1...1000).contains(capacity) else {
            throw InvalidInput("capacity", "must be between 1 and 1000")
        }
    }

    /// 2000-01-01 to 2200-01-01, UTC.
    private static let years =
        Date(timeIntervalSince1970: 946_684_800)..<Date(timeIntervalSince1970: 7_258_118_400)
}
