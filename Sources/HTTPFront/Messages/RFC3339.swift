import FoundationEssentials
import NIOCore

/// Instants as the API writes them. Source: RFC 3339, 5.6.
extension Date {
    /// Reads an instant with its offset: `2026-11-21T09:00:00+01:00`. Nil for anything else.
    ///
    /// Foundation reads leniently: to it, 31 February is 3 March and what follows the offset does
    /// not matter. A booking at another time than the one written is worse than none, so the text
    /// must have the exact shape and come out again as it went in. A leap second is refused.
    init?(rfc3339 text: String) {
        let text = text.uppercased()
        guard let offset = Self.offset(ofRFC3339: text),
            let date = try? Date(text, strategy: .iso8601),
            let zone = TimeZone(secondsFromGMT: offset)
        else { return nil }
        let again = date.formatted(Date.ISO8601FormatStyle(timeZone: zone))
        guard again.prefix(19) == text.prefix(19) else { return nil }
        // Whole microseconds, as PostgreSQL has them: what differs here differs there.
        self = Date(
            timeIntervalSinceReferenceDate: (date.timeIntervalSinceReferenceDate * 1_000_000)
                .rounded() / 1_000_000)
    }

    /// The instant in UTC, with milliseconds only where there are any.
    var rfc3339: String {
        var text = ByteBuffer()
        text.writeInstant(self)
        return String(buffer: text)
    }

    /// Checks the shape.
    /// - Returns: The offset in seconds; nil if the shape is wrong.
    private static func offset(ofRFC3339 text: String) -> Int? {
        guard text.utf8.count >= 20, hasShape(text.prefix(19), "dddd-dd-ddTdd:dd:dd") else {
            return nil
        }
        var rest = text.dropFirst(19)
        if rest.first == "." {
            let digits = rest.dropFirst().prefix(while: \.isASCIIDigit)
            guard (1...9).contains(digits.count) else { return nil }
            rest = rest.dropFirst(1 + digits.count)
        }
        if rest == "Z" { return 0 }
        guard hasShape(rest, "+dd:dd") || hasShape(rest, "-dd:dd"),
            let hours = Int(rest.dropFirst().prefix(2)), hours < 24,
            let minutes = Int(rest.suffix(2)), minutes < 60
        else { return nil }
        return (rest.first == "-" ? -1 : 1) * (hours * 3600 + minutes * 60)
    }

    /// Whether `text` has a digit for each `d` of `shape` and is equal to it elsewhere.
    private static func hasShape(_ text: Substring, _ shape: String) -> Bool {
        text.count == shape.count
            && zip(text, shape).allSatisfy { $1 == "d" ? $0.isASCIIDigit : $0 == $1 }
    }
}

extension Character {
    fileprivate var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}

extension ByteBuffer {
    /// Writes an instant in UTC, with milliseconds only where there are any. Foundation's formatter takes ten
    /// times as long, and each answer has several instants; years before 1 or behind 9999 are left to it.
    mutating func writeInstant(_ instant: Date) {
        // Whole microseconds, as PostgreSQL has them: the last millisecond would else be lost of every other.
        let sinceReference = instant.timeIntervalSinceReferenceDate
        var seconds = sinceReference.rounded(.down)
        var fraction = Int(((sinceReference - seconds) * 1_000_000).rounded())
        if fraction == 1_000_000 { (seconds, fraction) = (seconds + 1, 0) }
        let since1970 = seconds + Date.timeIntervalBetween1970AndReferenceDate
        guard (-62_135_596_800..<253_402_300_800).contains(since1970) else {
            writeString(
                instant.formatted(
                    Date.ISO8601FormatStyle(includingFractionalSeconds: fraction != 0)))
            return
        }
        let day = Int((since1970 / 86_400).rounded(.down))
        let second = Int(since1970) - day * 86_400
        let date = CivilDate(day: day)
        writeWithUnsafeMutableBytes(minimumWritableBytes: 24) { text in
            text.write(date.year / 100, at: 0, nil)
            text.write(date.year % 100, at: 2, "-")
            text.write(date.month, at: 5, "-")
            text.write(date.day, at: 8, "T")
            text.write(second / 3600, at: 11, ":")
            text.write(second / 60 % 60, at: 14, ":")
            text.write(second % 60, at: 17, fraction == 0 ? "Z" : ".")
            guard fraction != 0 else { return 20 }
            text.write(fraction / 10_000, at: 20, nil)
            text[22] = UInt8(ascii: "0") + UInt8(fraction / 1000 % 10)
            text[23] = UInt8(ascii: "Z")
            return 24
        }
    }
}

extension UnsafeMutableRawBufferPointer {
    /// Writes two digits, and what comes behind them.
    fileprivate func write(_ number: Int, at place: Int, _ end: UnicodeScalar?) {
        self[place] = UInt8(ascii: "0") + UInt8(number / 10)
        self[place + 1] = UInt8(ascii: "0") + UInt8(number % 10)
        if let end { self[place + 2] = UInt8(ascii: end) }
    }
}
