import Postgres

extension Availability {
    /// A time of day by the clinic's clocks, from 00:00 to 24:00.
    package struct Time: Hashable, Sendable, Comparable {
        let minutes: Int

        package static func < (one: Time, other: Time) -> Bool { one.minutes < other.minutes }
    }

    /// A part of the day without slots.
    package struct Break: Hashable, Sendable {
        package let start: Time
        package let end: Time

        /// - Throws: ``InvalidInput`` unless it ends after it starts.
        package init(start: Time, end: Time) throws(InvalidInput) {
            guard start < end else {
                throw InvalidInput("breaks", "must each end after they start")
            }
            self.start = start
            self.end = end
        }
    }
}

extension Availability.Time: LosslessStringConvertible {
    /// As it is written: `09:00`.
    package var description: String {
        func digits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(digits(minutes / 60)):\(digits(minutes % 60))"
    }

    /// Reads exactly `HH:MM`, from 00:00 to 24:00; nil for anything else.
    package init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let hours = Int(parts[0]), let minutes = Int(parts[1]),
            (0...24).contains(hours), (0...59).contains(minutes)
        else { return nil }
        self.init(minutes: hours * 60 + minutes)
        guard (0...1440).contains(self.minutes), description == text else { return nil }
    }
}
