import Foundation
import ServiceTesting
import Testing

@testable import HTTPFront

@Suite("Ids and instants are written as Foundation writes them")
struct WritingTests {
    @Test("ids, in lower case, and back in either case")
    func ids() {
        var dice = Dice(seed: 1)
        for _ in 0..<10_000 {
            let id = UUID(uuid: dice.bytes())
            let text = id.uuidString
            #expect(id.text == text.lowercased())
            #expect(UUID(text: Array(text.utf8)) == id)
            #expect(UUID(text: Array(text.lowercased().utf8)) == id)
        }
    }

    @Test(
        "what is no id is not read as one",
        arguments: [
            "", "-", "0199A3C8-7D2E-7F00-8000-0123456789a", "0199a3c8-7d2e-7f00-8000-0123456789abc",
            "0199a3c87d2e7f0080000123456789ab", "0199a3c8-7d2e-7f00-80000-123456789ab",
            "0199a3c8-7d2e-7f00-8000_0123456789ab", "{199a3c8-7d2e-7f00-8000-0123456789a}",
            "0199a3c8-7d2e-7f00-8000-0123456789ag", "g199a3c8-7d2e-7f00-8000-0123456789ab",
            "0199a3c8-7d2e-7f00-8000-0123456789a ", " 199a3c8-7d2e-7f00-8000-0123456789ab",
            "0199a3c8-7d2e-7f00-8000-0x23456789ab", "0199a3c8-7d2e-7f00-8000-+123456789ab",
            "0199a3c8-7d2e-7f00-8000-0123456789\u{e9}", "------------------------------------",
            "0199a3c8-7d2e-7f00-8000-012345678\0ab", "0199a3c8-7d2e-7f00-8000-0123456789a:",
            "0199a3c8-7d2e-7f00-8000-0123456789a@", "0199a3c8-7d2e-7f00-8000-0123456789a`",
            "0199a3c8-7d2e-7f00-8000-0123456789a/", "0199a3c8-7d2e-7f00-8000-0123456789aG",
        ])
    func notIDs(text: String) {
        #expect(UUID(text: Array(text.utf8)) == nil)
    }

    @Test("an id with any one character wrong is none")
    func oneWrongCharacter() {
        let text = Array("0199a3c8-7d2e-7f00-8000-0123456789ab".utf8)
        #expect(UUID(text: text) != nil)
        for place in text.indices {
            for character in UInt8.min...UInt8.max {
                var other = text
                other[place] = character
                let expected = UUID(uuidString: String(decoding: other, as: UTF8.self))
                let isHyphen = text[place] == UInt8(ascii: "-")
                let isRight =
                    isHyphen
                    ? character == text[place]
                    : UnicodeScalar(character).properties.isASCIIHexDigit
                #expect(UUID(text: other) == (isRight ? expected : nil))
            }
        }
    }

    @Test("whole seconds of any year from 1583 to 9999, as Foundation writes them")
    func seconds() {
        var dice = Dice(seed: 2)
        for _ in 0..<20_000 {
            let second = Int.random(in: Self.year1583..<Self.yearTenThousand, using: &dice)
            let instant = Date(timeIntervalSince1970: Double(second))
            #expect(instant.rfc3339 == instant.asFoundationWritesIt, "\(instant.bits)")
        }
    }

    @Test("days before 1583 are counted by the calendar of today, which RFC 3339 wants")
    func early() {
        var dice = Dice(seed: 7)
        for _ in 0..<1_000 {
            let (year, month) = (
                Int.random(in: 1...1582, using: &dice), Int.random(in: 1...12, using: &dice)
            )
            let day = Int.random(in: 1...28, using: &dice)
            #expect(
                Date.gregorian(year, month, day).rfc3339
                    == "\(year.digits(4))-\(month.digits(2))-\(day.digits(2))T00:00:00Z")
        }
    }

    @Test("instants as PostgreSQL has them, from 1732 to 2270, to the millisecond")
    func instants() {
        var dice = Dice(seed: 3)
        for number in 0..<20_000 {
            let second = Int.random(in: -8_500_000_000..<8_500_000_000, using: &dice)
            // Every millisecond, and what is between them.
            let microsecond =
                number % 2 == 0
                ? number / 2 % 1000 * 1000 : Int.random(in: 1..<1_000_000, using: &dice)
            let instant = Date(
                timeIntervalSinceReferenceDate: Double(second * 1_000_000 + microsecond)
                    / 1_000_000)
            let whole = Date(timeIntervalSinceReferenceDate: Double(second)).asFoundationWritesIt
            let fraction = microsecond == 0 ? "Z" : ".\((microsecond / 1000).digits(3))Z"
            #expect(instant.rfc3339 == whole.dropLast() + fraction, "\(instant.bits)")
        }
    }

    @Test("the days on which calendars go wrong, from their first second to their last")
    func days() {
        let years = [1600, 1700, 1900, 1904, 1968, 1969, 1970, 1972, 2000, 2024, 2026, 2100, 2400]
        for year in years + [1, 4, 100, 400, 1581, 1582, 1583, 9999] {
            let isLeapYear = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            for (month, day) in [(1, 1), (2, 28), (2, 29), (3, 1), (10, 10), (12, 31)]
            where isLeapYear || (month, day) != (2, 29) {
                let start = Date.gregorian(year, month, day)
                let date = "\(year.digits(4))-\(month.digits(2))-\(day.digits(2))"
                #expect(start.rfc3339 == date + "T00:00:00Z")
                #expect(start.addingTimeInterval(1).rfc3339 == date + "T00:00:01Z")
                #expect(start.addingTimeInterval(86_399).rfc3339 == date + "T23:59:59Z")
                #expect(start.addingTimeInterval(86_399.5).rfc3339 == date + "T23:59:59.500Z")
            }
        }
    }

    @Test("what lies outside of the years 1 to 9999 is Foundation's to write")
    func outside() {
        for second in [Self.yearOne - 1, Self.yearTenThousand, Self.yearTenThousand + 86_400 * 365]
        {
            let instant = Date(timeIntervalSince1970: Double(second))
            #expect(instant.rfc3339 == instant.asFoundationWritesIt)
        }
    }

    @Test("an instant that is written is read as the same instant")
    func readAgain() throws {
        var dice = Dice(seed: 4)
        for _ in 0..<2_000 {
            let millisecond = Int.random(in: -978_307_200_000..<3_124_137_600_000, using: &dice)
            let instant = Date(timeIntervalSinceReferenceDate: Double(millisecond) / 1000)
            #expect(Date(rfc3339: instant.rfc3339) == instant, "\(instant.bits)")
        }
    }

    @Test("the seconds of the Date field, from 1970 on")
    func clock() throws {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = .gmt
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        var dice = Dice(seed: 5)
        var seconds = (0..<5_000).map { _ in Int.random(in: 0..<253_402_300_800, using: &dice) }
        seconds += [0, 1, 59, 60, 86_399, 86_400, 951_782_399, 951_782_400, 253_402_300_799]
        for second in seconds {
            #expect(
                HTTPClock.text(of: second)
                    == formatter.string(from: Date(timeIntervalSince1970: Double(second))))
        }
    }

    @Test("the clock does not stand still, and does not run ahead")
    func now() {
        let clock = HTTPClock()
        let earliest = Int(Date().timeIntervalSince1970)
        let text = clock.now
        let latest = Int(Date().timeIntervalSince1970)
        #expect((earliest...latest).contains { HTTPClock.text(of: $0) == text })
    }

    private static let year1583 = -12_212_553_600
    private static let yearOne = -62_135_596_800
    private static let yearTenThousand = 253_402_300_800
}

extension Date {
    /// As it was written before there was a writer of our own.
    fileprivate var asFoundationWritesIt: String {
        let hasFraction = timeIntervalSinceReferenceDate.rounded() != timeIntervalSinceReferenceDate
        return formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: hasFraction))
    }

    /// All there is to know about it, for whoever looks at a failure.
    fileprivate var bits: String {
        "\(timeIntervalSince1970) \(timeIntervalSinceReferenceDate.bitPattern)"
    }

    /// The start of a day, counted in years, months and days, one by one.
    fileprivate static func gregorian(_ year: Int, _ month: Int, _ day: Int) -> Date {
        func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }
        let months = [31, isLeap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        let days =
            (1..<year).reduce(0) { $0 + (isLeap($1) ? 366 : 365) }
            + months.prefix(month - 1).reduce(0, +) + day - 1
        // 719,162 days from the first of year 1 to 1970.
        return Date(timeIntervalSince1970: Double(days - 719_162) * 86_400)
    }
}

extension Dice {
    fileprivate mutating func bytes() -> uuid_t {
        withUnsafeBytes(of: (next(), next())) { $0.loadUnaligned(as: uuid_t.self) }
    }
}

extension Int {
    fileprivate func digits(_ count: Int) -> String {
        String(repeating: "0", count: Swift.max(0, count - "\(self)".count)) + "\(self)"
    }
}
