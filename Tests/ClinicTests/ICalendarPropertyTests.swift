import Foundation
import ServiceTesting
import Testing

@testable import Clinic

@Suite("Calendar files, whatever is in them")
struct ICalendarPropertyTests {
    @Test("no line is longer than 75 bytes, and what was written in is read out, in one event")
    func anyText() throws {
        var dice = Dice(seed: 16)
        for _ in 0..<3000 {
            let summary = dice.text()
            let event = ICalendar.Event(
                uid: "1", sequence: 1, stamp: Date(timeIntervalSince1970: 0),
                startsAt: Date(timeIntervalSince1970: 0), endsAt: Date(timeIntervalSince1970: 900),
                summary: summary, location: dice.text(), isCancelled: false)
            let bytes = Array(ICalendar(events: [event]).text.utf8)
            let lines = bytes.split(separator: UInt8(ascii: "\n"))
            #expect(lines.allSatisfy { $0.last == UInt8(ascii: "\r") && $0.count <= 76 })
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(Array(text.utf8) == bytes)
            // Byte by byte: a fold may come between the parts of one character.
            let values = lines.reduce(into: [[UInt8]]()) { values, line in
                if line.first == UInt8(ascii: " ") {
                    values[values.count - 1] += line.dropFirst().dropLast()
                } else {
                    values.append(Array(line.dropLast()))
                }
            }.map { String(decoding: $0, as: UTF8.self) }
            #expect(values.count == 14)
            let found = try #require(values.first { $0.hasPrefix("SUMMARY:") }).dropFirst(8)
            #expect(found.unescaped == summary.withoutControls, "\(summary.debugDescription)")
        }
    }
}

extension Dice {
    /// Letters, what delimits values, controls, ends of lines, and characters of several code points.
    fileprivate mutating func text() -> String {
        let parts = [
            "a", "ö", "本", "👩‍⚕️", ";", ",", ":", "\\", "\"", "\r\n", "\n", "\u{7}", " ", "END:VEVENT",
        ]
        return (0..<Int.random(in: 0...60, using: &self))
            .compactMap { _ in parts.randomElement(using: &self) }.joined()
    }
}

extension StringProtocol {
    /// Source: RFC 5545, 3.3.11.
    fileprivate var unescaped: String {
        var result = ""
        var isEscaped = false
        for character in unicodeScalars {
            if isEscaped {
                result.unicodeScalars.append(character == "n" ? "\n" : character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else {
                result.unicodeScalars.append(character)
            }
        }
        return result
    }

    fileprivate var withoutControls: String {
        String(self).replacing("\r\n", with: "\n").replacing("\u{7}", with: "")
    }
}
