import FoundationEssentials

/// Seconds from 2001-01-01 (Foundation's epoch) back to 2000-01-01 (PostgreSQL's), both UTC.
private let epochOffset: Double = 366 * 86_400

extension Date: PostgresValue {
    /// `timestamptz`.
    public static var postgresType: PostgresType { .timestamptz }

    /// Encodes whole microseconds. A `Date` keeps them exactly from 1865 to 2137.
    public func encode(into bytes: inout [UInt8]) {
        let microseconds = (timeIntervalSinceReferenceDate * 1_000_000).rounded()
        (Int64(microseconds) + Int64(epochOffset) * 1_000_000).appendBigEndian(to: &bytes)
    }

    /// Reads `timestamptz`.
    public static func decode(_ column: PostgresColumn) throws(UndecodableValue) -> Date {
        let microseconds = Int64(
            bigEndian: try column.bytes(of: .timestamptz, size: 8, as: Date.self))
        let sinceReference = microseconds - Int64(epochOffset) * 1_000_000
        return Date(timeIntervalSinceReferenceDate: Double(sinceReference) / 1_000_000)
    }
}

/// A day of the Gregorian calendar without a time or a zone, such as a date of birth.
public struct CalendarDay: Hashable, Sendable {
    /// Days since 2000-01-01, as PostgreSQL counts them.
    public let daysSince2000: Int32

    /// The day so many days behind 2000-01-01.
    public init(daysSince2000: Int32) { self.daysSince2000 = daysSince2000 }
}

extension CalendarDay: PostgresValue {
    /// `date`.
    public static var postgresType: PostgresType { .date }

    /// Encodes the number of days.
    public func encode(into bytes: inout [UInt8]) { daysSince2000.appendBigEndian(to: &bytes) }

    /// Reads `date`.
    public static func decode(_ column: PostgresColumn) throws(UndecodableValue) -> CalendarDay {
        let bytes = try column.bytes(of: .date, size: 4, as: CalendarDay.self)
        return CalendarDay(daysSince2000: Int32(bigEndian: bytes))
    }
}

extension CalendarDay: LosslessStringConvertible {
    /// The day in ISO 8601: `2026-11-21`.
    public var description: String {
        let start = Date(
            timeIntervalSinceReferenceDate: Double(daysSince2000) * 86_400 - epochOffset)
        return start.formatted(.iso8601.year().month().day())
    }

    /// Reads exactly `YYYY-MM-DD`, a day that exists; nil for anything else.
    public init?(_ text: String) {
        guard let start = try? Date(text, strategy: .iso8601.year().month().day()) else {
            return nil
        }
        let seconds = start.timeIntervalSinceReferenceDate + epochOffset
        self.init(daysSince2000: Int32((seconds / 86_400).rounded(.down)))
        // Foundation reads leniently (2026-02-31 is 3 March to it); a date that changes is none.
        guard description == text else { return nil }
    }
}
