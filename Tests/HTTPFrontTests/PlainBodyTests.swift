import Clinic
import Foundation
import NIOCore
import ServiceTesting
import Testing

@testable import HTTPFront

@Suite("A plain body says what the general reader reads in it")
struct PlainBodyTests {
    private static let slot = "0199a3c8-7d2e-7f00-8000-0123456789ab"
    private static let patient = "0199A3C8-7D2E-7F00-8000-0123456789CD"

    /// Bodies that patients and staff send.
    private static let plain = [
        #"{"slot_id":"\#(slot)"}"#,
        #"{"slot_id": "\#(slot)", "patient_id": "\#(patient)"}"#,
        #"{"patient_id":"\#(patient)","slot_id":"\#(slot)","reason":"Check-up, 2nd"}"#,
        #"{"reason": " a ", "slot_id": "\#(slot)"}"#,
        #"{"reason": "{\#("[]:,")} null 'x' /* */ !~", "slot_id": "\#(slot)"}"#,
        " \t\r\n{ \"slot_id\" \n:\t\"\(slot)\"\r,\n\"reason\" : \"x\" } \n\t\r ",
        #"{"slot_id":"\#(slot)","reason":"\#(String(repeating: "x", count: 1000))"}"#,
    ]

    @Test(
        "bodies of plain bookings are accepted, and read as the route reads them", arguments: plain)
    func accepted(text: String) throws {
        let body = try #require(PlainBody(text))
        let reading = try Body<Reading>.decode(Data(text.utf8))
        #expect(Reading(body) == reading)
    }

    @Test("what a patient names is what is read")
    func values() throws {
        let body = try #require(PlainBody(Self.plain[2]))
        #expect(body.slotID == UUID(uuidString: Self.slot))
        #expect(body.patientID == UUID(uuidString: Self.patient))
        #expect(body.reason == "Check-up, 2nd")
        let least = try #require(PlainBody(Self.plain[0]))
        #expect(least.patientID == nil && least.reason == nil)
    }

    @Test(
        "whatever else a patient may send is for the route to read",
        arguments: [
            "", " ", "{", "}", "{}", "null", "[]", "\"\"", "1", "{,}", #"{"slot_id"}"#,
            #"{"slot_id":}"#, #"{"patient_id":"\#(patient)"}"#, #"{"reason":"x"}"#,
            // Twice.
            #"{"slot_id":"\#(slot)","slot_id":"\#(slot)"}"#,
            #"{"slot_id":"\#(slot)","slot_id":"\#(patient)"}"#,
            #"{"slot_id":"\#(slot)","patient_id":"\#(slot)","patient_id":"\#(patient)"}"#,
            #"{"slot_id":"\#(slot)","reason":"x","reason":"x"}"#,
            // Unknown.
            #"{"slot_id":"\#(slot)","Reason":"x"}"#, #"{"slot_id":"\#(slot)","":"x"}"#,
            #"{"slot_id":"\#(slot)","reason ":"x"}"#, #"{"slot_id":"\#(slot)","reaso":"x"}"#,
            // Escapes, controls, beyond ASCII.
            #"{"slot_id":"\#(slot)","reason":"a\nb"}"#,
            #"{"slot_id":"\#(slot)","reason":"\u0041"}"#,
            #"{"slot_id":"\#(slot)","reason":"a\"b"}"#, #"{"slot_id":"\#(slot)","reason":"a\/b"}"#,
            #"{"sl\u006ft_id":"\#(slot)"}"#, "{\"slot_id\":\"\(slot)\",\"reason\":\"a\nb\"}",
            "{\"slot_id\":\"\(slot)\",\"reason\":\"a\tb\"}",
            "{\"slot_id\":\"\(slot)\",\"reason\":\"a\0b\"}",
            "{\"slot_id\":\"\(slot)\",\"reason\":\"a\u{7F}b\"}",
            "{\"slot_id\":\"\(slot)\",\"reason\":\"\u{e9}\"}",
            "{\"slot_id\":\"\(slot)\",\"reason\":\"\u{1F9B7}\"}",
            // Other values.
            #"{"slot_id":null}"#, #"{"slot_id":"\#(slot)","reason":null}"#,
            #"{"slot_id":"\#(slot)","patient_id":null}"#, #"{"slot_id":1}"#,
            #"{"slot_id":"\#(slot)","reason":1}"#, #"{"slot_id":"\#(slot)","reason":true}"#,
            #"{"slot_id":"\#(slot)","reason":["x"]}"#, #"{"slot_id":"\#(slot)","reason":{}}"#,
            #"{"slot_id":""}"#, #"{"slot_id":"x"}"#, #"{"slot_id":"\#(slot) "}"#,
            #"{"slot_id":"{\#(slot)}"}"#, #"{"slot_id":"\#(slot)","patient_id":"x"}"#,
            #"{"slot_id":"\#(slot)","reason":""}"#, #"{"slot_id":"\#(slot)","reason":"  "}"#,
            #"{"slot_id":"\#(slot)","reason":"\#(String(repeating: "x", count: 1001))"}"#,
            // More than an object, or another syntax.
            #"{"slot_id":"\#(slot)"}}"#, #"{"slot_id":"\#(slot)"} x"#, #"{"slot_id":"\#(slot)"},"#,
            "{\"slot_id\":\"\(slot)\"}\0", #"{"slot_id":"\#(slot)",}"#, #"{,"slot_id":"\#(slot)"}"#,
            #"{"slot_id":"\#(slot)",,"reason":"x"}"#, #"{"slot_id":"\#(slot)" "reason":"x"}"#,
            #"{"slot_id"="\#(slot)"}"#, #"{'slot_id':'\#(slot)'}"#, #"{slot_id:"\#(slot)"}"#,
            #"[{"slot_id":"\#(slot)"}]"#, #"x{"slot_id":"\#(slot)"}"#, #"{"slot_id"::"\#(slot)"}"#,
            "\u{FEFF}{\"slot_id\":\"\(slot)\"}", "{\u{A0}\"slot_id\":\"\(slot)\"}",
            "{\u{0B}\"slot_id\":\"\(slot)\"}", "{/**/\"slot_id\":\"\(slot)\"}",
            "{\"slot_id\":\"\(slot)\"", "{\"slot_id\":\"\(slot)",
        ])
    func refused(text: String) {
        #expect(PlainBody(text) == nil)
    }

    @Test("a body of bytes that are no text, or in another encoding, is none")
    func encodings() throws {
        let text = Self.plain[3]
        var bytes = Array(text.utf8)
        bytes[try #require(bytes.firstIndex(of: UInt8(ascii: "a")))] = 0xE9
        #expect(PlainBody(ByteBuffer(bytes: bytes)) == nil)
        for encoding in [String.Encoding.utf16LittleEndian, .utf16BigEndian, .utf32LittleEndian] {
            let data = try #require(text.data(using: encoding))
            #expect(PlainBody(ByteBuffer(bytes: data)) == nil)
        }
    }

    @Test("a body that breaks off is none, wherever it does", arguments: plain)
    func truncated(text: String) {
        let bytes = Array(text.utf8)
        let whole = bytes.lastIndex(of: UInt8(ascii: "}")).map { $0 + 1 } ?? 0
        #expect(PlainBody(ByteBuffer(bytes: bytes[..<whole])) != nil)
        for count in 0..<whole {
            #expect(PlainBody(ByteBuffer(bytes: bytes[..<count])) == nil, "\(count)")
        }
    }

    @Test("a body that is part of a longer buffer is read from its own beginning to its own end")
    func slice() throws {
        var buffer = ByteBuffer(string: "xx" + Self.plain[2] + "}")
        buffer.moveReaderIndex(forwardBy: 2)
        let part = buffer.readSlice(length: Self.plain[2].utf8.count)
        let body = try #require(part)
        #expect(PlainBody(body)?.reason == "Check-up, 2nd")
    }

    @Test("10,000 bodies with mistakes in them: whatever is accepted reads as the route reads it")
    func mutations() {
        var dice = Dice(seed: 6)
        var accepted = 0
        for number in 0..<10_000 {
            var bytes = Array(Self.plain[number % Self.plain.count].utf8)
            for _ in 0...Int.random(in: 0..<3, using: &dice) { bytes.mutate(&dice) }
            guard let body = PlainBody(ByteBuffer(bytes: bytes)) else { continue }
            accepted += 1
            let text = String(decoding: bytes, as: UTF8.self)
            do {
                let reading = try Body<Reading>.decode(Data(bytes))
                #expect(Reading(body) == reading, "\(text)")
            } catch {
                Issue.record("accepted, and the route refuses it: \(text)")
            }
        }
        // Else nothing was compared.
        #expect((100...9_900).contains(accepted))
    }
}

/// What the route reads, by the same reader.
private struct Reading: RequestMembers, Equatable {
    static let names = ["slot_id", "patient_id", "reason"]

    let slotID: UUID
    let patientID: UUID?
    let reason: String?

    init(from members: Members) throws {
        slotID = try members.id("slot_id")
        patientID = try members.optionalID("patient_id")
        reason = try members.optionalText("reason", limit: 1000)
    }

    init(_ body: PlainBody) {
        slotID = body.slotID
        patientID = body.patientID
        reason = body.reason
    }
}

extension PlainBody {
    fileprivate init?(_ text: String) { self.init(ByteBuffer(string: text)) }
}

extension [UInt8] {
    /// Makes one of the mistakes that programs make.
    fileprivate mutating func mutate(_ dice: inout Dice) {
        let place = Int.random(in: 0..<Swift.max(1, count), using: &dice)
        guard indices.contains(place) else { return }
        let end = Int.random(in: place...Swift.min(count, place + 40), using: &dice)
        let byte =
            Bool.random(using: &dice)
            ? Array(#"{}[]":,\/ 019afAF-_nulltrue"#.utf8).randomElement(using: &dice) ?? 0
            : UInt8.random(in: 0...255, using: &dice)
        switch Int.random(in: 0..<6, using: &dice) {
        case 0, 1: self[place] = byte
        case 2: insert(byte, at: place)
        case 3: removeSubrange(place..<end)
        case 4: insert(contentsOf: Array(self[place..<end]), at: place)
        default: swapAt(place, Int.random(in: 0..<count, using: &dice))
        }
    }
}
