import Clinic
import Foundation
import HTTPTypes
import NIOCore
import Postgres
import PostgresTesting
import ServiceTesting
import Testing

@testable import HTTPFront

@Suite("A plain booking is answered as any other one", .timeLimit(.minutes(30)))
struct ShortcutTests {
    /// How a booking may go.
    enum Outcome: CaseIterable {
        case booked, bookedByPatient, bookedByPatientWhoSaysSo, slotTaken, slotNotFound
        case patientNotFound, slotHeld, slotUnavailable, patientBusy, slotInPast
        case invalidJSON, emptyBody, missingMember, noPatient, otherPatient, wrongClinic
        case badKey, bookedUnderKey, replay, refusalUnderKey, refusalReplay, reusedKey, badReason

        var status: Int {
            switch self {
            case .booked, .bookedByPatient, .bookedByPatientWhoSaysSo, .bookedUnderKey, .replay: 201
            case .invalidJSON, .emptyBody, .badKey: 400
            case .slotNotFound, .patientNotFound, .otherPatient, .wrongClinic: 404
            case .missingMember, .noPatient, .reusedKey, .slotInPast, .badReason: 422
            default: 409
            }
        }

        var code: String? {
            switch self {
            case .slotTaken, .refusalUnderKey, .refusalReplay: "slot_taken"
            case .slotNotFound: "slot_not_found"
            case .patientNotFound, .otherPatient: "patient_not_found"
            case .slotHeld: "slot_held"
            case .slotUnavailable: "slot_unavailable"
            case .patientBusy: "patient_busy"
            case .slotInPast: "slot_in_past"
            case .invalidJSON, .emptyBody: "malformed_json"
            case .missingMember, .noPatient: "missing_member"
            case .badReason: "invalid_member"
            case .wrongClinic: "clinic_not_found"
            case .badKey: "invalid_idempotency_key"
            case .reusedKey: "idempotency_key_reused"
            default: nil
            }
        }

        /// Whether it is for the shortcut to find out.
        var isPlain: Bool {
            switch self {
            case .invalidJSON, .emptyBody, .missingMember, .noPatient, .otherPatient, .wrongClinic,
                .badReason:
                false
            default: true
            }
        }

        /// Whether it is an answer that was given before.
        var isReplay: Bool { self == .replay || self == .refusalReplay }
    }

    @Test("plain or not, a patient is told the same", arguments: Outcome.allCases)
    func same(_ outcome: Outcome) async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let asks = try await Self.asks(for: outcome, fixture)
            for ask in asks { try await ask.meet(service) }
            #expect(asks.allSatisfy { $0.isPlain(service) == outcome.isPlain })
            let plain = try await asks[0].send(to: service)
            let long = try await asks[1].send(to: service, ["X-Other": "1"])
            #expect(plain.status == outcome.status, "\(plain.body)")
            #expect(plain.problemCode == outcome.code)
            #expect((plain.headers["idempotency-replayed"] == "true") == outcome.isReplay)
            try expectSame(plain, long)
            #expect(try await fixture.breaches() == [])
        }
    }

    /// A plain one and one to go the long way, of the same kind; what they ask for is as they expect it.
    private static func asks(for outcome: Outcome, _ fixture: Fixture) async throws -> [Ask] {
        let start = Date(timeIntervalSinceNow: 86_400)
        let slots = try await fixture.slots(8, from: start)
        let patients = try await fixture.patients(3)
        let third = patients[2]
        let tokens = [
            try await fixture.token(of: patients[0]), try await fixture.token(of: patients[1]),
        ]
        /// As staff, for the first two patients.
        func asStaff(_ slotIDs: UUID..., key: String? = nil) -> [Ask] {
            [0, 1].map { number in
                Ask(
                    fixture, fixture.receptionist,
                    """
                    {"slot_id": "\(slotIDs[number % slotIDs.count].text)", \
                    "patient_id": "\(patients[number].id.text)"}
                    """, key: key.map { $0 + "\(number)" })
            }
        }
        func twice(_ token: String, _ body: String, key: String? = nil) -> [Ask] {
            [Ask(fixture, token, body, key: key), Ask(fixture, token, body, key: key)]
        }
        let wanted = #""slot_id": "\#(slots[0].id.text)""#
        switch outcome {
        case .booked: return asStaff(slots[0].id, slots[1].id)
        case .bookedByPatient:
            return [0, 1].map {
                Ask(fixture, tokens[$0], #"{"slot_id": "\#(slots[$0].id.text)"}"#)
            }
        case .bookedByPatientWhoSaysSo:
            return zip(asStaff(slots[0].id, slots[1].id), tokens).map { ask, token in
                Ask(fixture, token, ask.body)
            }
        case .slotTaken, .refusalUnderKey:
            _ = try await fixture.booked(slots[0], for: third)
            return asStaff(slots[0].id, key: outcome == .refusalUnderKey ? "k" : nil)
        case .slotNotFound: return asStaff(UUID())
        case .patientNotFound:
            return twice(
                fixture.receptionist, #"{\#(wanted), "patient_id": "\#(UUID().text)"}"#)
        case .slotHeld:
            _ = try await fixture.hold(slots[0], for: third, seconds: 900)
            return asStaff(slots[0].id)
        case .slotUnavailable:
            _ = try await fixture.send(
                "PATCH", "slots/\(slots[0].id.text)", as: fixture.admin,
                #"{"status": "busy-unavailable"}"#, version: "1")
            return asStaff(slots[0].id)
        case .patientBusy:
            let elsewhere = try await fixture.slots(
                2, from: start, by: fixture.colleague())
            for (slot, patient) in zip(elsewhere, patients) {
                _ = try await fixture.booked(slot, for: patient)
            }
            return asStaff(slots[0].id, slots[1].id)
        case .slotInPast:
            try await fixture.shift(slots[0], toStartIn: -60)
            return asStaff(slots[0].id)
        case .invalidJSON: return twice(fixture.receptionist, "{\(wanted)")
        case .emptyBody: return twice(fixture.receptionist, "")
        case .missingMember: return twice(tokens[0], #"{"reason": "x"}"#)
        case .noPatient: return twice(fixture.receptionist, "{\(wanted)}")
        case .otherPatient:
            return twice(tokens[0], #"{\#(wanted), "patient_id": "\#(third.id.text)"}"#)
        case .wrongClinic:
            let other = try await Fixture(fixture.service, named: "Harbour")
            return twice(other.receptionist, asStaff(slots[0].id)[0].body)
        case .badKey: return twice(tokens[0], "{\(wanted)}", key: "a b")
        case .badReason: return twice(tokens[0], #"{\#(wanted), "reason": " "}"#)
        case .bookedUnderKey: return asStaff(slots[0].id, slots[1].id, key: "k")
        case .replay, .refusalReplay:
            if outcome == .refusalReplay { _ = try await fixture.booked(slots[0], for: third) }
            let asks = twice(tokens[0], "{\(wanted)}", key: "k")
            let first = try await asks[0].send(to: fixture.service, ["X-Other": "1"])
            #expect(first.status == outcome.status)
            return asks
        case .reusedKey:
            let first = Ask(fixture, tokens[0], "{\(wanted)}", key: "k")
            #expect(try await first.send(to: fixture.service).status == 201)
            return twice(tokens[0], #"{"slot_id": "\#(slots[1].id.text)"}"#, key: "k")
        }
    }

    @Test("what was answered plainly under a key is given again the long way, and the reverse")
    func crosswise() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let slots = try await fixture.slots(2)
            let token = try await fixture.token(of: fixture.patients(1)[0])
            for (number, slot) in slots.enumerated() {
                let ask = Ask(
                    fixture, token, #"{"slot_id": "\#(slot.id.text)"}"#, key: "key-\(number)")
                try await ask.meet(service)
                let detours = [[:], ["X-Other": "1"]]
                let first = try await ask.send(to: service, detours[number])
                let again = try await ask.send(to: service, detours[1 - number])
                #expect(first.status == 201 && again.status == 201)
                #expect(first.headers["idempotency-replayed"] == nil)
                #expect(again.headers["idempotency-replayed"] == "true")
                #expect(again.body == first.body)
                #expect(again.headers["location"] == first.headers["location"])
            }
        }
    }

    @Test("a request's own id is kept, and its journal names it and the caller, plain or not")
    func journal() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let slots = try await fixture.slots(2)
            let token = try await fixture.token(of: fixture.patients(1)[0])
            var entries: [JSONValue] = []
            for (number, other) in [[:], ["X-Other": "1"]].enumerated() {
                let ask = Ask(fixture, token, #"{"slot_id": "\#(slots[number].id.text)"}"#)
                try await ask.meet(service)
                let headers = other.merging(["X-Request-Id": "request-\(number)"]) { $1 }
                let answer = try await ask.send(to: service, headers)
                #expect(answer.headers["x-request-id"] == "request-\(number)")
                let audit = try await fixture.send(
                    "GET", "audit?object_id=\(try answer.id)", as: fixture.admin)
                let entry = try #require(try audit.json["items"]?.list?.first, "\(audit.body)")
                #expect(entry["request_id"]?.text == "request-\(number)")
                entries.append(entry)
            }
            #expect(entries[0]["actor"] != nil && entries[0]["actor"] == entries[1]["actor"])
        }
    }

    @Test("patients' bookings do take the shortcut: the routes' own limit does not meet them")
    func isTaken() async throws {
        var limits = Limits()
        // The routes read no body that is longer; nobody else knows the limit.
        limits.body = 1
        try await withService(limits: limits) { service in
            let fixture = try await Fixture(service)
            let slot = try await fixture.slots(1)[0]
            let token = try await fixture.token(of: fixture.patients(1)[0])
            let ask = Ask(fixture, token, #"{"slot_id": "\#(slot.id.text)"}"#)
            // Nobody knows the token yet.
            #expect(try await ask.send(to: service).problemCode == "body_too_large")
            let long = try await ask.send(to: service, ["X-Other": "1"])
            #expect(long.problemCode == "body_too_large")
            #expect(try await ask.send(to: service).status == 201)
        }
    }
}

// MARK: - On the wire

@Suite("Plain bookings among whatever else a connection carries", .timeLimit(.minutes(30)))
struct ShortcutConnectionTests {
    @Test("answers come in the order of the requests, plain ones among others")
    func pipelined() async throws {
        try await withDesk { desk in
            let said = try await RawConnection(to: desk.service).converse([
                desk.booking(0, id: "1") + desk.get("slots/\(desk.slots[0].id.text)", id: "2")
                    + desk.booking(1, id: "3") + desk.get("nothing", id: "4")
                    + desk.booking(2, id: "5") + desk.goodbye(id: "6")
            ])
            #expect(said.statuses == ["201", "200", "201", "404", "201", "200"])
            #expect(said.requestIDs == ["1", "2", "3", "4", "5", "6"])
            #expect(try await desk.appointments == 3)
        }
    }

    @Test("20 plain bookings in one go: 20 answers, in order, and all are booked")
    func manyPipelined() async throws {
        try await withDesk(20) { desk in
            let requests = (0..<20).map { desk.booking($0, id: "\($0)") }.joined()
            let said = try await RawConnection(to: desk.service).converse([
                requests + desk.goodbye(id: "20")
            ])
            #expect(said.statuses == Array(repeating: "201", count: 20) + ["200"])
            #expect(said.requestIDs == (0...20).map { "\($0)" })
            #expect(try await desk.appointments == 20)
        }
    }

    @Test("what is sent behind a plain booking in progress is answered after it")
    func behind() async throws {
        try await withDesk { desk in
            let connection = try await RawConnection(to: desk.service)
            try await holding(
                "SELECT FROM slots WHERE id = \(desk.slots[0].id) FOR UPDATE",
                in: desk.service.database
            ) { hold in
                async let said = connection.converse([desk.booking(0, id: "1")])
                try await Sessions(of: desk.service.database).wait(until: .blocked)
                try await connection.send(
                    desk.get("slots/\(desk.slots[1].id.text)", id: "2") + desk.booking(1, id: "3"))
                try await connection.send(desk.goodbye(id: "4"))
                // Another connection's is not kept waiting.
                let other = try await RawConnection(to: desk.service).converse([
                    desk.goodbye(id: "5")
                ])
                #expect(other.statuses == ["200"])
                hold.release()
                #expect(try await said.statuses == ["201", "200", "201", "200"])
                #expect(try await said.requestIDs == ["1", "2", "3", "4"])
            }
            #expect(try await desk.appointments == 2)
        }
    }

    @Test("a plain booking behind one that goes the long way, and is in progress, waits for it")
    func behindLongWay() async throws {
        try await withDesk { desk in
            try await holding(
                "SELECT FROM slots WHERE id = \(desk.slots[0].id) FOR UPDATE",
                in: desk.service.database
            ) { hold in
                async let said = RawConnection(to: desk.service).converse([
                    desk.booking(0, id: "1", "X-Other: 1\r\n") + desk.booking(1, id: "2")
                        + desk.goodbye(id: "3")
                ])
                try await Sessions(of: desk.service.database).wait(until: .blocked)
                hold.release()
                #expect(try await said.statuses == ["201", "201", "200"])
                #expect(try await said.requestIDs == ["1", "2", "3"])
            }
        }
    }

    @Test("nonsense behind a plain booking in progress: that one is answered first")
    func nonsenseBehind() async throws {
        try await withDesk { desk in
            try await holding(
                "SELECT FROM slots WHERE id = \(desk.slots[0].id) FOR UPDATE",
                in: desk.service.database
            ) { hold in
                async let said = RawConnection(to: desk.service).converse([
                    desk.booking(0, id: "1") + "NONSENSE\r\n\r\n"
                ])
                try await Sessions(of: desk.service.database).wait(until: .blocked)
                hold.release()
                #expect(try await said.statuses == ["201", "400"])
            }
        }
    }

    @Test("a patient who sends a plain booking and then no more is answered")
    func halfClosed() async throws {
        try await withDesk { desk in
            for (number, other) in ["", "X-Other: 1\r\n"].enumerated() {
                let said = try await RawConnection(to: desk.service).converse(
                    [desk.booking(number, id: "\(number)", other)], thenLeave: true)
                #expect(said.statuses == ["201"], "\(other)")
            }
        }
    }

    @Test("a patient who leaves while a plain booking is made harms nobody, and is booked")
    func leavesMeanwhile() async throws {
        try await withDesk { desk in
            let connection = try await RawConnection(to: desk.service)
            try await holding(
                "SELECT FROM slots WHERE id = \(desk.slots[0].id) FOR UPDATE",
                in: desk.service.database
            ) { hold in
                try await connection.send(desk.booking(0, id: "1") + desk.booking(1, id: "2"))
                try await Sessions(of: desk.service.database).wait(until: .blocked)
                try await connection.close()
                hold.release()
            }
            try await Sessions(of: desk.service.database).wait(untilAtMost: 0, .blocked)
            let said = try await RawConnection(to: desk.service).converse([
                desk.booking(2, id: "3") + desk.goodbye(id: "4")
            ])
            #expect(said.statuses == ["201", "200"])
            #expect(try await desk.fixture.breaches() == [])
        }
    }

    @Test("a body that comes in pieces of one byte")
    func pieces() async throws {
        try await withDesk { desk in
            let pieces = desk.body(0).map { String($0) }
            let said = try await RawConnection(to: desk.service).converse(
                [desk.head(desk.body(0), id: "1")] + pieces + [desk.goodbye(id: "2")])
            #expect(said.statuses == ["201", "200"])
            #expect(try await desk.appointments == 1)
        }
    }

    @Test("a body in chunks goes the long way, and says the same")
    func chunked() async throws {
        try await withDesk { desk in
            let body = desk.body(0, reason: "in chunks")
            let chunks = body.map { "1\r\n\($0)\r\n" }.joined() + "0\r\n\r\n"
            let said = try await RawConnection(to: desk.service).converse([
                desk.head(nil, id: "1", "Transfer-Encoding: chunked\r\n") + chunks
                    + desk.booking(1, id: "2") + desk.goodbye(id: "3")
            ])
            #expect(said.statuses == ["201", "201", "200"])
            #expect(try await desk.reasons(0) == ["in chunks"])
        }
    }

    @Test(
        "whatever a patient gives as the reason is what is written down",
        arguments: [
            ("plain", "plain"), (#"~!@#$%^&*()'`/{}[],: x"#, #"~!@#$%^&*()'`/{}[],: x"#),
            (#"a\n\t\"b\"\\\/"#, "a\n\t\"b\"\\/"), (#"caf\u00e9 \ud83e\uddb7"#, "café 🦷"),
            ("Zähne, 歯", "Zähne, 歯"), ("  spaced  ", "  spaced  "),
            (String(repeating: "x", count: 1000), String(repeating: "x", count: 1000)),
            (String(repeating: "€", count: 1000), String(repeating: "€", count: 1000)),
        ])
    func reason(json: String, reason: String) async throws {
        try await withDesk { desk in
            for (number, other) in ["", "X-Other: 1\r\n"].enumerated() {
                let body = desk.body(number, reason: json)
                let said = try await RawConnection(to: desk.service).converse([
                    desk.head(body, id: "1", other) + body + desk.goodbye(id: "2")
                ])
                #expect(said.statuses == ["201", "200"])
                #expect(try await desk.reasons(number) == [reason])
            }
        }
    }

    @Test("a long body that is plain but for its length, with more behind it", arguments: [0, 1])
    func long(excess: Int) async throws {
        try await withDesk { desk in
            let body = desk.body(0, reason: "long")
            let space = String(repeating: " ", count: 2048 - body.utf8.count + excess)
            let said = try await RawConnection(to: desk.service).converse([
                desk.head(body + space, id: "1") + body + space + desk.booking(1, id: "2")
                    + desk.goodbye(id: "3")
            ])
            #expect(said.statuses == ["201", "201", "200"])
            #expect(said.requestIDs == ["1", "2", "3"])
            #expect(try await desk.reasons(0) == ["long"])
        }
    }

    @Test("half a body and then silence: no booking, and the answer of the long way")
    func halfBodyAndSilence() async throws {
        var limits = Limits()
        limits.bodyTimeout = .milliseconds(500)
        try await withDesk(limits: limits) { desk in
            var answers: [[Substring]] = []
            for other in ["", "X-Other: 1\r\n"] {
                // All of the JSON, and one byte less than announced.
                let said = try await RawConnection(to: desk.service).converse([
                    desk.head(desk.body(0) + " ", id: "1", other) + desk.body(0)
                ])
                answers.append(said.statuses)
            }
            #expect(answers == [["408"], ["408"]])
            #expect(try await desk.appointments == 0)
        }
    }

    @Test("half a body and then the end: no booking, and no answer but the long way's")
    func halfBodyAndEnd() async throws {
        try await withDesk { desk in
            for other in ["", "X-Other: 1\r\n"] {
                for body in [desk.body(0), String(desk.body(0).dropLast(10)), ""] {
                    let said = try await RawConnection(to: desk.service).converse(
                        [desk.head(desk.body(0) + " ", id: "1", other) + body], thenLeave: true)
                    // Who has left gets no answer for certain.
                    #expect(said.statuses == ["400"] || said.isEmpty, "\(said)")
                }
            }
            #expect(try await desk.appointments == 0)
        }
    }

    @Test("Connection: close on a booking: answered and closed, and nothing behind it is booked")
    func close() async throws {
        try await withDesk { desk in
            let said = try await RawConnection(to: desk.service).converse([
                desk.booking(0, id: "1", "Connection: close\r\n") + desk.booking(1, id: "2")
            ])
            #expect(said.statuses.first == "201")
            #expect(try await desk.reasons(1) == [])
            #expect(try await desk.appointments == 1)
        }
    }

    @Test("a plain booking too many is refused as any other one")
    func overloaded() async throws {
        var limits = Limits()
        limits.requests = 1
        try await withDesk(limits: limits) { desk in
            try await holding(
                "SELECT FROM slots WHERE id = \(desk.slots[0].id) FOR UPDATE",
                in: desk.service.database
            ) { hold in
                let asks = [
                    Ask(desk.fixture, desk.fixture.receptionist, desk.body(0)),
                    Ask(desk.fixture, desk.fixture.receptionist, desk.body(1)),
                ]
                async let first = asks[0].send(to: desk.service)
                try await Sessions(of: desk.service.database).wait(until: .blocked)
                let plain = try await asks[1].send(to: desk.service)
                let long = try await asks[1].send(to: desk.service, ["X-Other": "1"])
                #expect(plain.problemCode == "overloaded")
                try expectSame(plain, long)
                hold.release()
                #expect(try await first.status == 201)
            }
            // Whoever was refused took no place.
            let ask = Ask(desk.fixture, desk.fixture.receptionist, desk.body(1))
            #expect(try await ask.send(to: desk.service).status == 201)
            #expect(try await ask.send(to: desk.service).problemCode == "slot_taken")
        }
    }

    private func withDesk(
        _ count: Int = 3, limits: Limits = Limits(),
        _ body: @Sendable (Desk) async throws -> Void
    ) async throws {
        try await withService(limits: limits, configure: { $0.lockTimeout = .seconds(60) }) {
            service in
            try await body(try await Desk(service, count))
        }
    }
}

// MARK: - Helpers

/// A receptionist with free slots, and a patient for each of them.
private struct Desk: Sendable {
    let fixture: Fixture
    let slots: [Slot]
    private let patients: [Patient]

    init(_ service: Service, _ count: Int) async throws {
        fixture = try await Fixture(service)
        slots = try await fixture.slots(count)
        patients = try await fixture.patients(count)
        // The receptionist is known from here on.
        let answer = try await fixture.send("GET", "appointments")
        guard answer.status == 200 else { throw Fixture.Mishap() }
    }

    var service: Service { fixture.service }

    /// How many there are.
    var appointments: Int {
        get async throws {
            try await fixture.send("GET", "appointments").json["items"]?.list?.count ?? -1
        }
    }

    /// Why the patients come who have a slot.
    func reasons(_ number: Int) async throws -> [String?] {
        try await fixture.appointments(in: slots[number]).map(\.reason)
    }

    /// - Parameter reason: As JSON has it between its quotes.
    func body(_ number: Int, reason: String? = nil) -> String {
        let reason = reason.map { #", "reason": "\#($0)""# } ?? ""
        return """
            {"slot_id": "\(slots[number].id.text)", \
            "patient_id": "\(patients[number].id.text)"\(reason)}
            """
    }

    /// The head of a plain booking, unless there are other fields.
    func head(_ body: String?, id: String, _ fields: String = "") -> String {
        let length = body.map { "Content-Length: \($0.utf8.count)\r\n" } ?? ""
        return """
            POST \(fixture.path("appointments")) HTTP/1.1\r
            Host: x\r
            Authorization: Bearer \(fixture.receptionist)\r
            Content-Type: application/json\r
            X-Request-Id: \(id)\r
            \(length)\(fields)\r

            """
    }

    /// A plain booking, unless there are other fields.
    func booking(_ number: Int, id: String, _ fields: String = "") -> String {
        let body = body(number)
        return head(body, id: id, fields) + body
    }

    func get(_ path: String, id: String) -> String {
        "GET \(fixture.path(path)) HTTP/1.1\r\nHost: x\r\nX-Request-Id: \(id)\r\n\r\n"
    }

    /// The connection's last request.
    func goodbye(id: String) -> String {
        """
        GET /healthz HTTP/1.1\r
        Host: x\r
        X-Request-Id: \(id)\r
        Connection: close\r
        \r

        """
    }
}

/// A booking as it is asked for.
private struct Ask: Sendable {
    let body: String
    private let path: String
    private let token: String
    private let key: String?

    init(_ fixture: Fixture, _ token: String, _ body: String, key: String? = nil) {
        path = fixture.path("appointments")
        self.token = token
        self.body = body
        self.key = key
    }

    /// Has the service know the token.
    func meet(_ service: Service) async throws {
        let answer = try await service.send("GET", path, token: token)
        guard [200, 404].contains(answer.status) else { throw Fixture.Mishap() }
    }

    /// - Parameter other: Without other header fields it is plain.
    func send(to service: Service, _ other: [String: String] = [:]) async throws -> Answer {
        var headers = other
        headers["Idempotency-Key"] = key
        return try await service.send("POST", path, token: token, body: body, headers: headers)
    }

    /// Whether the shortcut takes it.
    func isPlain(_ service: Service) -> Bool {
        var head = HTTPRequest(method: .post, scheme: "http", authority: "x", path: path)
        head.headerFields[.authorization] = "Bearer \(token)"
        head.headerFields[.contentType] = "application/json"
        head.headerFields[.contentLength] = "\(body.utf8.count)"
        head.headerFields[.idempotencyKey] = key
        guard let booking = PlainBooking(head, tokens: service.tokens, newID: { UUID() }),
            let body = PlainBody(ByteBuffer(string: body))
        else { return false }
        return booking.patientID(body) != nil
    }
}

/// Expects the same of both, but for ids and times.
private func expectSame(
    _ one: Answer, _ other: Answer, at location: SourceLocation = #_sourceLocation
) throws {
    #expect(one.status == other.status, sourceLocation: location)
    #expect(Set(one.headers.keys) == Set(other.headers.keys), sourceLocation: location)
    for answer in [one, other] {
        let date = try #require(answer.headers["date"], sourceLocation: location)
        #expect(
            date.wholeMatch(of: #/[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT/#)
                != nil, sourceLocation: location)
        #expect(answer.headers["x-request-id"]?.isEmpty == false, sourceLocation: location)
        #expect(
            answer.headers["content-length"] == "\(answer.body.utf8.count)",
            sourceLocation: location)
    }
    for name in one.headers.keys
    where !["date", "x-request-id", "content-length", "retry-after"].contains(name) {
        #expect(
            one.headers[name]?.withoutIDs == other.headers[name]?.withoutIDs,
            "\(name)", sourceLocation: location)
    }
    let bodies = try [one, other].map {
        try JSONDecoder().decode(JSONValue.self, from: Data($0.body.withoutIDs.utf8))
    }
    #expect(bodies[0] == bodies[1], sourceLocation: location)
}

extension String {
    /// With the same word in the place of each id, and of each instant.
    fileprivate var withoutIDs: String {
        replacing(
            #/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/#, with: "some id"
        )
        .replacing(#/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z/#, with: "some time")
    }

    /// Of the answers that a service gave on one connection, in order.
    fileprivate var statuses: [Substring] { matches(of: #/HTTP/1\.1 (\d{3}) /#).map(\.1) }

    /// Of the answers that a service gave on one connection, in order.
    fileprivate var requestIDs: [Substring] {
        matches(of: #/(?i)x-request-id: (\S+)\r\n/#).map(\.1)
    }
}
