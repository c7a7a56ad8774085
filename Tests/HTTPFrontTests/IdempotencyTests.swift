import Clinic
import Foundation
import HTTPTypes
import Postgres
import PostgresTesting
import ServiceTesting
import Testing

@testable import HTTPFront

@Suite("Requests that are sent again")
struct IdempotencyTests {
    @Test("32 duplicates at once: one booking and 32 equal answers")
    func duplicates() async throws {
        try await withFixture { fixture, slots, patients in
            let token = try await fixture.token(of: patients[0])
            let body = #"{"slot_id": "\#(slots[0].id.text)"}"#
            let barrier = Barrier(32)
            let answers = try await withThrowingTaskGroup { group in
                for _ in 1...32 {
                    group.addTask {
                        await barrier.arrive()
                        return try await fixture.send(
                            "POST", "appointments", as: token, body, key: "k")
                    }
                }
                return try await group.reduce(into: [Answer]()) { $0.append($1) }
            }
            #expect(answers.map(\.status) == Array(repeating: 201, count: 32))
            #expect(Set(answers.map(\.body)).count == 1)
            #expect(Set(answers.map { $0.headers["location"] }).count == 1)
            #expect(Set(answers.map { $0.headers["etag"] }) == ["\"1\""])
            #expect(answers.count { $0.headers["idempotency-replayed"] == "true" } == 31)
            #expect(try await fixture.appointments(in: slots[0]).count == 1)
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("what a rule refused for good is refused again, whatever has become possible since")
    func refusals() async throws {
        try await withFixture { fixture, slots, patients in
            let id = try await fixture.booked(slots[0], for: patients[0])
            let token = try await fixture.token(of: patients[1])
            let body = #"{"slot_id": "\#(slots[0].id.text)"}"#
            func book(_ key: String) async throws -> Answer {
                try await fixture.send("POST", "appointments", as: token, body, key: key)
            }
            let refused = try await book("k")
            #expect(refused.problemCode == "slot_taken")
            #expect(try await fixture.cancel(id).status == 200)
            let again = try await book("k")
            #expect(again.problemCode == "slot_taken" && again.body == refused.body)
            #expect(again.headers["idempotency-replayed"] == "true")
            #expect(try await book("l").status == 201)
        }
    }

    @Test("a stale version is refused again likewise, its ETag included")
    func staleVersion() async throws {
        try await withFixture { fixture, slots, patients in
            let id = try await fixture.booked(slots[0], for: patients[0])
            func arrive(_ version: String) async throws -> Answer {
                try await fixture.send(
                    "POST", "appointments/\(id)/status", as: nil, #"{"status": "arrived"}"#,
                    key: "k", version: version)
            }
            let refused = try await arrive("7")
            #expect(refused.status == 412 && refused.headers["etag"] == "\"1\"")
            let again = try await arrive("7")
            #expect(again.body == refused.body && again.headers["etag"] == "\"1\"")
            // With another version it is another request.
            let other = try await arrive("1")
            #expect(other.status == 422 && other.problemCode == "idempotency_key_reused")
        }
    }

    @Test(
        "what passes is looked at again: a hold that is in the way, what is malformed or not there")
    func notKept() async throws {
        try await withFixture { fixture, slots, patients in
            _ = try await fixture.hold(slots[0], for: patients[0])
            let token = try await fixture.token(of: patients[1])
            func book(_ slot: String, _ key: String) async throws -> Answer {
                try await fixture.send(
                    "POST", "appointments", as: token, #"{"slot_id": "\#(slot)"}"#, key: key)
            }
            #expect(try await book(slots[0].id.text, "k").problemCode == "slot_held")
            try await fixture.endTime(ofHoldOn: slots[0])
            #expect(try await book(slots[0].id.text, "k").status == 201)
            #expect(try await book("x", "m").status == 422)
            #expect(try await book(UUID().text, "m").status == 404)
            #expect(try await book(slots[1].id.text, "m").status == 201)
            for key in ["", String(repeating: "k", count: 256), "a b"] {
                #expect(try await book(slots[2].id.text, key).status == 400)
            }
        }
    }

    @Test("a key belongs to one request, of one caller, in one clinic")
    func scope() async throws {
        try await withFixture { fixture, slots, patients in
            let token = try await fixture.token(of: patients[0])
            let body = #"{"slot_id": "\#(slots[0].id.text)"}"#
            let first = try await fixture.send("POST", "appointments", as: token, body, key: "k")
            #expect(first.status == 201)
            let path = "slots/\(slots[1].id.text)/hold"
            let elsewhere = try await fixture.send("POST", path, as: token, body, key: "k")
            #expect(elsewhere.status == 422)
            let held = try await fixture.send("POST", path, as: token, key: "k")
            #expect(held.problemCode == "idempotency_key_reused")
            let deleted = try await fixture.send("DELETE", path, as: token, key: "k")
            #expect(deleted.problemCode == "idempotency_key_reused")
            // A quoted key is the same key.
            let quoted = try await fixture.send(
                "POST", "appointments", as: token, body, key: "\"k\"")
            #expect(quoted.headers["idempotency-replayed"] == "true")
            // Another patient's is another one, even if both have the same subject.
            let twin = try await fixture.token(of: patients[1])
            let cancelled = try await fixture.send(
                "POST", "appointments/\(first.id)/cancel", as: token, key: "c")
            #expect(cancelled.status == 200)
            let spied = try await fixture.send(
                "POST", "appointments/\(first.id)/cancel", as: twin, key: "c")
            #expect(spied.problemCode == "appointment_not_found")
            // Another caller's is another one.
            let other = try await fixture.service.token(
                .patient, clinic: fixture.clinic.id, patient: patients[1].id, subject: "other")
            let theirs = try await fixture.send(
                "POST", "appointments", as: other, #"{"slot_id": "\#(slots[1].id.text)"}"#,
                key: "k")
            #expect(theirs.status == 201 && theirs.headers["idempotency-replayed"] == nil)
            // And another clinic's, although its receptionist has the same name.
            let harbour = try await Fixture(fixture.service, named: "Harbour")
            for clinic in [fixture, harbour] {
                let made = try await clinic.send(
                    "POST", "patients", as: clinic.receptionist,
                    #"{"name": "A", "birth_date": "1968-02-29"}"#, key: "k")
                #expect(made.status == 201 && made.headers["idempotency-replayed"] == nil)
            }
        }
    }

    @Test("without a token the body tells callers apart")
    func anonymous() async throws {
        try await withFixture { fixture, _, _ in
            func register(_ name: String) async throws -> Answer {
                try await fixture.service.send(
                    "POST", fixture.path("registrations"),
                    body: """
                        {"name": "\(name)", "email": "\(name)@example.org",
                        "birth_date": "1968-02-29"}
                        """, headers: ["Idempotency-Key": "k"])
            }
            let ann = try await register("ann")
            let ben = try await register("ben")
            #expect(ann.status == 201 && ben.status == 201)
            #expect(try ann.id != ben.id)
            let again = try await register("ann")
            #expect(again.body == ann.body)
            #expect(again.headers["idempotency-replayed"] == "true")
        }
    }

    @Test("a clinic is made once, too, and its answer is swept like the others")
    func clinic() async throws {
        try await withFixture { fixture, _, _ in
            let service = fixture.service
            let token = try await service.token(.operator)
            func make() async throws -> Answer {
                try await service.send(
                    "POST", "/v1/clinics", token: token,
                    body: #"{"name": "Harbour", "time_zone": "Asia/Tokyo"}"#,
                    headers: ["Idempotency-Key": "k"])
            }
            let first = try await make()
            let again = try await make()
            #expect(first.status == 201 && again.body == first.body)
            try await service.database.owner.transaction { tx in
                try tx.execute(
                    "UPDATE idempotency_keys SET created_at = created_at - interval '24 hours'")
            }
            // Older than a day it counts no more, swept or not.
            #expect(try await make().headers["idempotency-replayed"] == nil)
            #expect(try await Housekeeping(store: service.store).sweepIdempotencyKeys() == 0)
            try await service.database.owner.transaction { tx in
                try tx.execute(
                    "UPDATE idempotency_keys SET created_at = created_at - interval '24 hours'")
            }
            #expect(try await Housekeeping(store: service.store).sweepIdempotencyKeys() == 1)
        }
    }

    /// Each of these is sent twice under a key.
    @Test("every POST and DELETE has one effect and one answer")
    func everyRoute() async throws {
        try await withFixture { fixture, slots, patients in
            let lock = try await fixture.lock(patients[0].id, by: .receptionist)
            let appointment = try await fixture.booked(slots[0], for: patients[0])
            let registration = try await fixture.registration()
            let entry = try await fixture.waiting(patients[0].id)
            let timeOff = try await fixture.timeOff(slots[5].startsAt, slots[5].endsAt).id
            let prescription = try await fixture.prescription(for: patients[1].id)
            let insurance = try await fixture.insurance(for: patients[1].id)
            let third = try await fixture.patient(named: "third")
            let moving = try await fixture.booked(slots[2], for: patients[1])
            let rejected = try await fixture.registration()
            let practitioner = fixture.practitioner.id.text
            let patient = "patients/\(patients[0].id.text)"
            let other = try await fixture.lock(patients[1].id, by: .receptionist)
            let requests: [(String, String, String?, String?, UUID?)] = [
                ("POST", "practitioners", #"{"name": "A", "specialty": "B"}"#, nil, nil),
                (
                    "POST", "slots",
                    """
                    {"practitioner_id": "\(practitioner)", "starts_at": "2031-01-01T09:00:00Z",
                    "ends_at": "2031-01-01T10:00:00Z"}
                    """, nil, nil
                ),
                ("DELETE", "slots/\(slots[4].id.text)", nil, "1", nil),
                (
                    "POST", "availability",
                    """
                    {"practitioner_id": "\(practitioner)", "from": "2030-01-01",
                    "to": "2030-01-01", "weekdays": ["tue"], "start": "09:00", "end": "10:00",
                    "slot_minutes": 30}
                    """, nil, nil
                ),
                ("DELETE", "time-off/\(timeOff)", nil, nil, nil),
                (
                    "POST", "time-off",
                    """
                    {"practitioner_id": "\(practitioner)", "starts_at": "2032-01-01T09:00:00Z",
                    "ends_at": "2032-01-01T10:00:00Z"}
                    """, nil, nil
                ),
                ("POST", "patients", #"{"name": "A", "birth_date": "1968-02-29"}"#, nil, nil),
                (
                    "POST", "\(patient)/prescriptions", #"{"drug": "A", "dosage": "B"}"#, nil,
                    lock.token
                ),
                (
                    "POST", "\(patient)/insurances", #"{"insurer": "A", "policy_number": "B"}"#,
                    nil,
                    lock.token
                ),
                (
                    "DELETE",
                    "patients/\(patients[1].id.text)/prescriptions/\(prescription.id.text)", nil,
                    nil, other.token
                ),
                (
                    "DELETE", "patients/\(patients[1].id.text)/insurances/\(insurance.id.text)",
                    nil,
                    nil, other.token
                ),
                ("POST", "appointments/\(appointment)/status", #"{"status": "arrived"}"#, "1", nil),
                ("POST", "appointments/\(appointment)/cancel", nil, nil, nil),
                (
                    "POST", "appointments",
                    #"{"slot_id": "\#(slots[3].id.text)", "patient_id": "\#(third.id.text)"}"#, nil,
                    nil
                ),
                (
                    "POST", "appointments/\(moving)/reschedule",
                    #"{"slot_id": "\#(slots[0].id.text)"}"#, nil, nil
                ),
                (
                    "POST", "slots/\(slots[1].id.text)/hold",
                    #"{"patient_id": "\#(patients[0].id.text)"}"#, nil, nil
                ),
                ("DELETE", "slots/\(slots[1].id.text)/hold", nil, nil, nil),
                ("DELETE", "waitlist/\(entry.id.text)", nil, nil, nil),
                (
                    "POST", "waitlist",
                    """
                    {"patient_id": "\(patients[0].id.text)", "from": "2150-01-01T00:00:00Z",
                    "to": "2150-01-02T00:00:00Z"}
                    """, nil, nil
                ),
                ("POST", "registrations/\(registration.id.text)/claim", nil, "1", nil),
                ("POST", "registrations/\(registration.id.text)/release", nil, "2", nil),
                ("POST", "registrations/\(registration.id.text)/approve", nil, "3", nil),
                ("POST", "registrations/\(rejected.id.text)/reject", #"{"reason": "C"}"#, "1", nil),
                (
                    "POST", "registrations",
                    #"{"name": "A", "email": "a@example.org", "birth_date": "1968-02-29"}"#, nil,
                    nil
                ),
                (
                    "POST", "locks",
                    #"{"targets": [{"type": "patient", "id": "\#(third.id.text)"}], "reason": "x"}"#,
                    nil, nil
                ),
                ("POST", "locks/\(lock.token.text)/renew", nil, nil, nil),
                ("DELETE", "locks/\(lock.token.text)", nil, nil, nil),
            ]
            let front = HTTPFront(store: fixture.service.store, tokens: fixture.service.tokens)
            let routes = front.routes.filter { [.post, .delete].contains($0.method) }
            let left = routes.filter { route in
                !requests.contains {
                    $0.0 == route.method.rawValue && route.matches(fixture.path($0.1))
                }
            }
            // The making of a clinic has its own test.
            #expect(left.map(\.path) == ["/v1/clinics"])
            // An administrator of the receptionist's name, so that the locks are its own.
            let admin = try await fixture.admin(Author.receptionist.subject)
            for (number, request) in requests.enumerated() {
                var headers = ["Idempotency-Key": "key-\(number)"]
                headers["If-Match"] = request.3.map { "\"\($0)\"" }
                headers["Lock-Token"] = request.4?.text
                func send() async throws -> Answer {
                    try await fixture.service.send(
                        request.0, fixture.path(request.1), token: admin, body: request.2,
                        headers: headers)
                }
                let first = try await send()
                #expect((200..<300).contains(first.status), "\(request): \(first.body)")
                #expect(first.headers["idempotency-replayed"] == nil)
                let again = try await send()
                #expect(again.status == first.status && again.body == first.body, "\(request)")
                for name in ["etag", "location", "content-type"] {
                    #expect(again.headers[name] == first.headers[name], "\(request): \(name)")
                }
                #expect(again.headers["idempotency-replayed"] == "true", "\(request)")
            }
            #expect(try await fixture.breaches() == [])
        }
    }

    private func withFixture(
        _ body: @Sendable @escaping (Fixture, [Slot], [Patient]) async throws -> Void
    ) async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            try await body(fixture, fixture.slots(6), fixture.patients(2))
        }
    }
}

extension Author {
    fileprivate static let receptionist = Author(subject: "receptionist", requestID: "test")
}
