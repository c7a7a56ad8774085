import Clinic
import Foundation
import HTTPFront
import ServiceTesting
import Testing

@Suite("Every refusal is a problem that says what to do")
struct ProblemTests {
    /// A request that must be refused, and how.
    struct Refusal: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let method: String
        let path: String
        var role: Role? = .admin
        var body: String?
        var headers: [String: String] = [:]
        let status: Int
        let code: String
        var member: String?
    }

    static let someID = "01a1fdb6-f077-7aeb-b4bf-dd2d9aeb712f"

    static let refusals: [Refusal] = [
        Refusal(
            testDescription: "malformed JSON", method: "POST", path: "slots",
            body: #"{"practitioner_id": "#, status: 400, code: "malformed_json"),
        Refusal(
            testDescription: "a byte that is not UTF-8", method: "POST", path: "practitioners",
            body: "{\"name\": \"A\u{0}\", \"specialty\": \"B\"}", status: 400,
            code: "malformed_json"),
        Refusal(
            testDescription: "an empty body", method: "POST", path: "slots",
            body: "", status: 400, code: "malformed_json"),
        Refusal(
            testDescription: "an array where an object belongs", method: "POST", path: "slots",
            body: "[]", status: 422, code: "invalid_body"),
        Refusal(
            testDescription: "an unknown member", method: "POST", path: "practitioners",
            body: #"{"name": "A", "specialty": "B", "speciality": "C"}"#,
            status: 422, code: "unknown_member", member: "speciality"),
        Refusal(
            testDescription: "a typo in a required member's name", method: "POST",
            path: "practitioners", body: #"{"nmae": "A", "specialty": "B"}"#,
            status: 422, code: "unknown_member", member: "nmae"),
        Refusal(
            testDescription: "a missing member", method: "POST", path: "practitioners",
            body: #"{"name": "A"}"#, status: 422, code: "missing_member", member: "specialty"),
        Refusal(
            testDescription: "a wrong type", method: "POST", path: "practitioners",
            body: #"{"name": 7, "specialty": "B"}"#,
            status: 422, code: "invalid_member", member: "name"),
        Refusal(
            testDescription: "a blank name", method: "POST", path: "practitioners",
            body: #"{"name": "  ", "specialty": "B"}"#,
            status: 422, code: "invalid_member", member: "name"),
        Refusal(
            testDescription: "a NUL byte in a member", method: "POST", path: "practitioners",
            body: #"{"name": "A\u0000B", "specialty": "B"}"#,
            status: 422, code: "invalid_member", member: "name"),
        Refusal(
            testDescription: "a NUL byte in the query", method: "GET", path: "patients?query=a%00b",
            status: 422, code: "invalid_parameter", member: "query"),
        Refusal(
            testDescription: "a body over 64 KiB", method: "POST", path: "practitioners",
            body: #"{"name": "\#(String(repeating: "x", count: 65 * 1024))"}"#,
            status: 413, code: "body_too_large"),
        Refusal(
            testDescription: "another media type", method: "POST", path: "practitioners",
            body: "name=A", headers: ["Content-Type": "application/x-www-form-urlencoded"],
            status: 415, code: "unsupported_media_type"),
        Refusal(
            testDescription: "an unknown path", method: "GET", path: "nothing",
            status: 404, code: "not_found"),
        Refusal(
            testDescription: "a wrong method", method: "DELETE", path: "practitioners",
            status: 405, code: "method_not_allowed"),
        Refusal(
            testDescription: "a method nobody knows", method: "PURGE", path: "practitioners",
            status: 405, code: "method_not_allowed"),
        Refusal(
            testDescription: "a malformed id in the path", method: "GET", path: "slots/7",
            status: 404, code: "slot_not_found"),
        Refusal(
            testDescription: "a malformed token of a lock in the path", method: "POST",
            path: "locks/7/renew", status: 404, code: "lock_not_found"),
        Refusal(
            testDescription: "a malformed id in the body", method: "POST", path: "appointments",
            body: #"{"slot_id": "7", "patient_id": "\#(someID)"}"#,
            status: 422, code: "invalid_member", member: "slot_id"),
        Refusal(
            testDescription: "a time without an offset", method: "POST", path: "slots",
            body: """
                {"practitioner_id": "\(someID)", "starts_at": "2030-01-01T09:00:00",
                "ends_at": "2030-01-01T10:00:00Z"}
                """,
            status: 422, code: "invalid_member", member: "starts_at"),
        Refusal(
            testDescription: "a day that does not exist", method: "POST", path: "slots",
            body: """
                {"practitioner_id": "\(someID)", "starts_at": "2030-02-31T09:00:00Z",
                "ends_at": "2030-03-03T10:00:00Z"}
                """,
            status: 422, code: "invalid_member", member: "starts_at"),
        Refusal(
            testDescription: "an end before the start", method: "POST", path: "slots",
            body: """
                {"practitioner_id": "\(someID)", "starts_at": "2030-01-01T09:00:00Z",
                "ends_at": "2030-01-01T08:00:00Z"}
                """,
            status: 422, code: "invalid_member", member: "ends_at"),
        Refusal(
            testDescription: "a slot for nobody", method: "POST", path: "slots",
            body: """
                {"practitioner_id": "\(someID)", "starts_at": "2030-01-01T09:00:00Z",
                "ends_at": "2030-01-01T10:00:00Z"}
                """,
            status: 404, code: "practitioner_not_found"),
        Refusal(
            testDescription: "an unknown time zone", method: "POST", path: "/v1/clinics",
            role: .operator, body: #"{"name": "A", "time_zone": "Europe/Atlantis"}"#,
            status: 422, code: "invalid_member", member: "time_zone"),
        Refusal(
            testDescription: "a birth date that does not exist", method: "POST", path: "patients",
            body: #"{"name": "A", "birth_date": "2001-02-29"}"#,
            status: 422, code: "invalid_member", member: "birth_date"),
        Refusal(
            testDescription: "an e-mail address with a line break", method: "POST",
            path: "patients",
            body: #"{"name": "A", "birth_date": "2001-02-28", "email": "a@b\r\nBcc: c@d"}"#,
            status: 422, code: "invalid_member", member: "email"),
        Refusal(
            testDescription: "a limit out of bounds", method: "GET", path: "slots?limit=201",
            status: 422, code: "invalid_parameter", member: "limit"),
        Refusal(
            testDescription: "a cursor made up", method: "GET", path: "slots?cursor=abc",
            status: 422, code: "invalid_parameter", member: "cursor"),
        Refusal(
            testDescription: "an unknown parameter", method: "GET", path: "slots?practitioner=x",
            status: 422, code: "invalid_parameter", member: "practitioner"),
        Refusal(
            testDescription: "a parameter where there are none", method: "GET",
            path: "slots/\(someID)?verbose=1", status: 422, code: "invalid_parameter",
            member: "verbose"),
        Refusal(
            testDescription: "a parameter of a POST", method: "POST", path: "practitioners?dry=1",
            body: #"{"name": "A", "specialty": "B"}"#, status: 422, code: "invalid_parameter",
            member: "dry"),
        Refusal(
            testDescription: "a parameter given twice", method: "GET",
            path: "slots?limit=1&limit=2", status: 422, code: "invalid_parameter",
            member: "limit"),
        Refusal(
            testDescription: "an end of a span before its start", method: "GET",
            path: "slots?from=2030-01-02T00:00:00Z&to=2030-01-01T00:00:00Z",
            status: 422, code: "invalid_parameter", member: "to"),
        Refusal(
            testDescription: "half a seat", method: "POST", path: "slots",
            body: """
                {"practitioner_id": "\(someID)", "starts_at": "2030-01-01T09:00:00Z",
                "ends_at": "2030-01-01T10:00:00Z", "capacity": 1.5}
                """,
            status: 422, code: "invalid_member", member: "capacity"),
        Refusal(
            testDescription: "a number beyond all bounds", method: "POST", path: "slots",
            body: """
                {"practitioner_id": "\(someID)", "starts_at": "2030-01-01T09:00:00Z",
                "ends_at": "2030-01-01T10:00:00Z", "capacity": 1e400}
                """,
            status: 422, code: "invalid_member", member: "capacity"),
        Refusal(
            testDescription: "a birth date to come", method: "POST", path: "patients",
            body: #"{"name": "A", "birth_date": "2999-01-01"}"#,
            status: 422, code: "invalid_member", member: "birth_date"),
        Refusal(
            testDescription: "an unknown status", method: "GET", path: "slots?status=open",
            status: 422, code: "invalid_parameter", member: "status"),
        Refusal(
            testDescription: "no token", method: "POST", path: "practitioners", role: nil,
            body: "{}", status: 401, code: "unauthorized"),
        Refusal(
            testDescription: "a token that is none", method: "GET", path: "slots", role: nil,
            headers: ["Authorization": "Bearer a.b.c"], status: 401, code: "unauthorized"),
        Refusal(
            testDescription: "another scheme", method: "GET", path: "slots", role: nil,
            headers: ["Authorization": "Basic YTpi"], status: 401, code: "unauthorized"),
        Refusal(
            testDescription: "a role that may not", method: "POST", path: "practitioners",
            role: .receptionist, body: #"{"name": "A", "specialty": "B"}"#,
            status: 403, code: "forbidden"),
        Refusal(
            testDescription: "an administrator who makes a clinic", method: "POST",
            path: "/v1/clinics", body: #"{"name": "A", "time_zone": "Europe/Berlin"}"#,
            status: 403, code: "forbidden"),
    ]

    @Test(arguments: refusals)
    func refused(_ refusal: Refusal) async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let token =
                if let role = refusal.role {
                    try await service.token(role, clinic: fixture.clinic.id)
                } else {
                    String?.none
                }
            let answer = try await service.send(
                refusal.method,
                refusal.path.hasPrefix("/") ? refusal.path : fixture.path(refusal.path),
                token: token, body: refusal.body, headers: refusal.headers)
            #expect(answer.status == refusal.status, "\(answer.body)")
            #expect(answer.problemCode == refusal.code, "\(answer.body)")
            #expect(try answer.json["member"]?.text == refusal.member)
            #expect(answer.headers["x-request-id"]?.isEmpty == false)
            if refusal.status == 401 { #expect(answer.headers["www-authenticate"] != nil) }
            if refusal.status == 405 { #expect(answer.headers["allow"] == "GET, HEAD, POST") }
        }
    }

    @Test("a token for a patient who does not exist: 404 wherever it matters")
    func ghost() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let ghost = UUID()
            let slot = try await fixture.slots(1)[0].id.text
            let token = try await service.token(.patient, clinic: fixture.clinic.id, patient: ghost)
            for (method, path, body) in [
                ("GET", "appointments", nil), ("GET", "patients/\(ghost.text)", nil),
                ("POST", "appointments", #"{"slot_id": "\#(slot)"}"#),
            ] {
                let answer = try await service.send(
                    method, fixture.path(path), token: token, body: body)
                #expect(answer.problemCode == "patient_not_found", "\(method) \(path)")
            }
        }
    }

    @Test("a cursor is good for its own list and filter only")
    func foreignCursor() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            _ = try await fixture.slots(2)
            let page = try await service.send("GET", fixture.path("slots?limit=1&status=free"))
            let cursor = try #require(try page.json["next_cursor"]?.text)
            for path in [
                fixture.path("slots?limit=1&cursor=\(cursor)"),
                fixture.path("slots?limit=1&status=busy&cursor=\(cursor)"),
                fixture.path("practitioners?cursor=\(cursor)"),
            ] {
                let answer = try await service.send("GET", path)
                #expect(answer.problemCode == "invalid_parameter", "\(path)")
                #expect(try answer.json["member"]?.text == "cursor")
            }
            let own = try await service.send(
                "GET", fixture.path("slots?status=free&cursor=\(cursor)"))
            #expect(try own.json["items"]?.list?.count == 1)
        }
    }

    @Test("a refusal to HEAD has no body")
    func head() async throws {
        try await withService { service in
            for path in ["/nothing", "/v1/clinics/x"] {
                let answer = try await service.send("HEAD", path)
                #expect(answer.status == 404)
                #expect(answer.body.isEmpty)
            }
            #expect(try await service.send("GET", "/healthz").status == 200)
        }
    }
}
