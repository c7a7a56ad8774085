import Clinic
import Foundation
import HTTPTypes
import Postgres
import ServiceTesting
import Testing

@testable import HTTPFront

@Suite("Parsers, whatever comes")
struct ParserPropertyTests {
    /// Before 1583 Foundation reads another calendar than it writes.
    private static let known =
        Date(timeIntervalSince1970: -12_212_553_600)...Date(timeIntervalSince1970: 5_200_000_000)

    @Test("instants: what is read is written again as the same instant; what is not, is refused")
    func instants() {
        var dice = Dice(seed: 11)
        for _ in 0..<5000 {
            // Until 2137: behind that a Date has no whole microseconds.
            let seconds = Double(Int.random(in: -3_000_000_000...5_200_000_000, using: &dice))
            let instant = Date(timeIntervalSince1970: seconds)
            let minutes = Int.random(in: -17 * 60...17 * 60, using: &dice)
            guard let zone = TimeZone(secondsFromGMT: minutes * 60) else { continue }
            let text = instant.formatted(
                Date.ISO8601FormatStyle(timeZoneSeparator: .colon, timeZone: zone))
            #expect(Date(rfc3339: text) == instant, "\(text)")
            // With one character wrong it is none, or another instant that is written so.
            var wrong = Array(text)
            wrong[Int.random(in: wrong.indices, using: &dice)] = dice.character()
            if let other = Date(rfc3339: String(wrong)), Self.known.contains(other) {
                #expect(Date(rfc3339: other.rfc3339) == other, "\(String(wrong))")
            }
        }
    }

    @Test("days: each that exists is read, and written as it was")
    func days() {
        var dice = Dice(seed: 12)
        for _ in 0..<5000 {
            let day = CalendarDay(daysSince2000: .random(in: -152_000...2_900_000, using: &dice))
            #expect(CalendarDay(day.description) == day)
            var wrong = Array(day.description)
            wrong[Int.random(in: wrong.indices, using: &dice)] = dice.character()
            let other = CalendarDay(String(wrong))
            #expect(other == nil || other?.description == String(wrong))
        }
    }

    @Test("idempotency keys: 1 to 255 visible characters, quoted or bare")
    func keys() {
        var dice = Dice(seed: 13)
        func parse(_ field: String) -> IdempotentRequest? {
            try? IdempotentRequest(field, .post, "/", in: .least, by: nil, body: "")
        }
        for _ in 0..<5000 {
            let count = Int.random(in: 0...300, using: &dice)
            let key = String((0..<count).map { _ in dice.character(visible: 999) })
            let isGood =
                (1...255).contains(key.utf8.count)
                && key.utf8.allSatisfy { (0x21...0x7E).contains($0) }
            #expect((parse(key) != nil) == isGood || key.hasPrefix("\""), "\(key)")
            if isGood && count <= 253 { #expect(parse("\"\(key)\"") != nil) }
        }
    }

    @Test("JSON Patches: what they come to is what they say, operation by operation")
    func patches() throws {
        var dice = Dice(seed: 14)
        for _ in 0..<3000 {
            var expected: [String: String?] = [:]
            let operations = (0..<Int.random(in: 1...6, using: &dice)).map { _ in
                let name = ["phone", "comments", "name"].randomElement(using: &dice) ?? "name"
                let value = Bool.random(using: &dice) ? "\(dice.next() % 10)" : nil
                switch Int.random(in: 0...2, using: &dice) {
                case 0:
                    expected[name] = .some(nil)
                    return #"{"op": "remove", "path": "/\#(name)"}"#
                case let other:
                    expected[name] = .some(value)
                    let written = value.map { "\"\($0)\"" } ?? "null"
                    return
                        #"{"op": "\#(other == 1 ? "add" : "replace")", "path": "/\#(name)", "value": \#(written)}"#
                }
            }
            let text = "[\(operations.joined(separator: ","))]"
            let patch = try Patch(operations: Data(text.utf8))
            #expect(!patch.hasTests)
            let found = try patch.replacements(Replaced.self).members
            #expect(found == expected, "\(text)")
            // Cut anywhere it is refused as what it is: not JSON.
            let cut = text.prefix(Int.random(in: 0..<text.count, using: &dice))
            let problem = #expect(throws: Problem.self) { try Patch(operations: Data(cut.utf8)) }
            #expect(problem?.status == .badRequest)
        }
    }

    @Test(
        "versions in If-Match: exactly the tags that are given, and nothing else changes anything")
    func versions() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            var dice = Dice(seed: 15)
            for _ in 0..<400 {
                let field = String(
                    (0..<Int.random(in: 1...6, using: &dice)).map { _ in
                        Array("\"\"12W/-*held ,").randomElement(using: &dice) ?? "1"
                    })
                let answer = try await service.send(
                    "PATCH", "/v1/clinics/\(fixture.clinic.id.text)", token: fixture.admin,
                    body: #"{"name": "Lindenhof"}"#, headers: ["If-Match": field])
                let isCurrent = field == "\"1\""
                #expect(isCurrent || [412, 428].contains(answer.status), "\(field)")
                if isCurrent { break }
            }
        }
    }
}

/// Texts that are replaced, by name.
private struct Replaced: RequestMembers {
    static let names = ["phone", "comments", "name"]

    var members: [String: String?] = [:]

    init(from members: Members) throws {
        for name in Self.names {
            if let value = try members.optionalReplacement(name, limit: 9) {
                self.members[name] = .some(value)
            }
        }
    }
}

extension Dice {
    /// Mostly one that is visible, sometimes any other.
    fileprivate mutating func character(visible share: Int = 9) -> Character {
        let isVisible = Int.random(in: 0...share, using: &self) > 0
        let range: ClosedRange<UInt32> = isVisible ? 0x21...0x7E : 1...0x2FFF
        return UnicodeScalar(UInt32.random(in: range, using: &self)).map(Character.init) ?? " "
    }
}
