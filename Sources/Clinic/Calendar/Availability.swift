import FoundationEssentials
import Postgres

/// A practitioner's weekly hours over a range of days, cut into slots.
package struct Availability: Hashable, Sendable {
    package let practitionerID: UUID
    package let capacity: Int
    /// Minutes that a slot lasts.
    package let slotMinutes: Int
    /// On which there are slots.
    let days: [CalendarDay]
    /// When slots begin on such a day, in minutes since midnight by the clinic's clocks.
    let starts: [Int]

    /// A day of the week.
    package enum Weekday: String, CaseIterable, Sendable {
        case mon, tue, wed, thu, fri, sat, sun
    }

    /// Slots at the most that one call makes.
    static let limit = 30_000

    /// - Parameters:
    ///   - from: The first day, `YYYY-MM-DD`.
    ///   - to: The last day, likewise, within a year of the first.
    ///   - start: When the hours begin on each of the weekdays.
    ///   - end: When they end; no slot lasts longer.
    ///   - slotMinutes: Minutes that a slot lasts, 5 to 1,440.
    ///   - bufferMinutes: Minutes between two slots, up to 1,440.
    ///   - breaks: Parts of the day without slots, behind each of which slots begin anew; 50 at the most.
    ///   - capacity: Seats of each slot.
    /// - Throws: ``InvalidInput`` naming what is wrong, also if there would be no slot on any day or more
    ///   than 30,000 in all.
    package init(
        practitionerID: UUID, from: String, to: String, weekdays: Set<Weekday>,
        start: Time, end: Time, slotMinutes: Int, bufferMinutes: Int = 0, breaks: [Break] = [],
        capacity: Int = 1
    ) throws(InvalidInput) {
        try SlotDraft.check(capacity: capacity)
        let from = try Self.day(from, "from")
        let to = try Self.day(to, "to")
        guard from.days(until: to) >= 0 else { throw InvalidInput("to", "must not be before from") }
        guard from.days(until: to) < 366 else {
            throw InvalidInput("to", "must be within a year of from")
        }
        guard !weekdays.isEmpty else { throw InvalidInput("weekdays", "must name a day") }
        guard start < end else { throw InvalidInput("end", "must be after start") }
        guard (5...1440).contains(slotMinutes), slotMinutes <= end.minutes - start.minutes else {
            throw InvalidInput(
                "slot_minutes", "must be between 5 and 1440, and fit between start and end")
        }
        guard (0...1440).contains(bufferMinutes) else {
            throw InvalidInput("buffer_minutes", "must be between 0 and 1440")
        }
        guard breaks.count <= 50 else { throw InvalidInput("breaks", "must be 50 at the most") }
        self.practitionerID = practitionerID
        self.capacity = capacity
        self.slotMinutes = slotMinutes
        days = Self.days(from, to, on: weekdays)
        starts = Self.starts(start, end, slotMinutes, bufferMinutes, breaks)
        guard !starts.isEmpty else {
            throw InvalidInput("breaks", "must leave time for a slot")
        }
        guard days.count * starts.count <= Self.limit else {
            throw InvalidInput(
                "to", "must be earlier: one call makes \(Self.limit) slots at the most")
        }
    }

    private static func day(
        _ text: String, _ member: String
    ) throws(InvalidInput) -> CalendarDay {
        guard let day = CalendarDay(text), ("2000-01-02"..."2199-12-30").contains(text) else {
            throw InvalidInput(member, "must be a day from 2000 to 2199, such as 2026-11-21")
        }
        return day
    }

    private static func days(
        _ from: CalendarDay, _ to: CalendarDay, on weekdays: Set<Weekday>
    ) -> [CalendarDay] {
        (0...from.days(until: to)).map { from.adding(days: $0) }
            .filter { weekdays.contains(Weekday.allCases[$0.daysSinceMonday]) }
    }

    /// One slot behind the other in each part of the day that the breaks leave.
    private static func starts(
        _ start: Time, _ end: Time, _ slotMinutes: Int, _ bufferMinutes: Int, _ breaks: [Break]
    ) -> [Int] {
        var starts: [Int] = []
        var next = start.minutes
        let pauses = breaks.sorted { $0.start < $1.start }
        while next + slotMinutes <= end.minutes {
            let pause = pauses.first {
                $0.start.minutes < next + slotMinutes && $0.end.minutes > next
            }
            if let pause {
                next = pause.end.minutes
            } else {
                starts.append(next)
                next += slotMinutes + bufferMinutes
            }
        }
        return starts
    }
}

extension CalendarDay {
    fileprivate func adding(days: Int) -> CalendarDay {
        CalendarDay(daysSince2000: daysSince2000 + Int32(days))
    }

    fileprivate func days(until other: CalendarDay) -> Int {
        Int(other.daysSince2000) - Int(daysSince2000)
    }

    /// 0 for a Monday, 6 for a Sunday. 2000-01-01 was a Saturday.
    fileprivate var daysSinceMonday: Int { ((Int(daysSince2000) + 5) % 7 + 7) % 7 }
}
