import Clinic
import Foundation
import HTTPFront
import ServiceTesting
import Testing

@Suite("What is made can be found")
struct ResourceTests {
    @Test("a slot: made, read, listed; an overlapping one is refused")
    func slot() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let made = try await service.send(
                "POST", fixture.path("slots"), token: fixture.admin,
                body: """
                    {"practitioner_id": "\(fixture.practitioner.id.text)", "capacity": 3,
                    "starts_at": "2030-07-01T09:00:00+02:00", "ends_at": "2030-07-01T09:15:00+02:00"}
                    """)
            #expect(made.status == 201, "\(made.body)")
            #expect(made.headers["etag"] == "\"1\"")
            let slot = try made.json
            #expect(slot["starts_at"]?.text == "2030-07-01T07:00:00Z")
            #expect(slot["status"]?.text == "free")
            #expect(slot["booked"]?.integer == 0)
            #expect(
                slot.names == [
                    "id", "clinic_id", "practitioner_id", "starts_at", "ends_at", "capacity",
                    "booked", "status", "version",
                ])
            let location = try #require(made.headers["location"])
            #expect(try await service.send("GET", location).json == slot)
            let list = try await service.send("GET", fixture.path("slots"))
            #expect(try list.json["items"]?.list == [slot])

            let overlap = try await service.send(
                "POST", fixture.path("slots"), token: fixture.admin,
                body: """
                    {"practitioner_id": "\(fixture.practitioner.id.text)",
                    "starts_at": "2030-07-01T07:14:00Z", "ends_at": "2030-07-01T07:30:00Z"}
                    """)
            #expect(overlap.problemCode == "slot_overlap")
        }
    }

    @Test("an appointment: booked, read, listed, on the patient's record, its slot busy")
    func appointment() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let slot = try #require(try await fixture.slots(1).first)
            let patient = try #require(try await fixture.patients(1).first)
            let made = try await service.send(
                "POST", fixture.path("appointments"), token: fixture.receptionist,
                body: """
                    {"slot_id": "\(slot.id.text)", "patient_id": "\(patient.id.text)",
                    "reason": "a mole"}
                    """,
                headers: ["X-Request-Id": "desk-7"])
            #expect(made.status == 201)
            #expect(made.headers["x-request-id"] == "desk-7")
            #expect(made.headers["etag"] == "\"1\"")
            let appointment = try made.json
            #expect(
                appointment.names == [
                    "id", "clinic_id", "slot_id", "practitioner_id", "patient_id", "starts_at",
                    "ends_at", "status", "reason", "version", "created_at",
                ])
            #expect(appointment["reason"]?.text == "a mole")
            let location = try #require(made.headers["location"])
            let token = try await service.token(
                .patient, clinic: fixture.clinic.id, patient: patient.id)
            #expect(try await service.send("GET", location, token: token).json == appointment)
            for filter in [
                "patient_id=\(patient.id.text)", "status=booked",
                "practitioner_id=\(fixture.practitioner.id.text)",
                "from=\(slot.startsAt.formatted(.iso8601))",
            ] {
                let list = try await service.send(
                    "GET", fixture.path("appointments?\(filter)"), token: fixture.receptionist)
                #expect(try list.json["items"]?.list == [appointment], "\(filter)")
            }
            let none = try await service.send(
                "GET", fixture.path("appointments?status=cancelled"), token: fixture.receptionist)
            #expect(try none.json["items"]?.list == [])
            let record = try await service.send(
                "GET", fixture.path("patients/\(patient.id.text)"), token: token)
            #expect(try record.json["appointments"]?.list == [appointment])
            let booked = try await service.send("GET", fixture.path("slots/\(slot.id.text)"))
            #expect(try booked.json["status"]?.text == "busy")
            #expect(booked.headers["etag"] == "\"2\"")
        }
    }

    @Test("a patient: a known e-mail address is refused, whatever its case; found by either")
    func patient() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            func make(_ email: String) async throws -> Answer {
                try await service.send(
                    "POST", fixture.path("patients"), token: fixture.receptionist,
                    body: """
                        {"name": "Åsa 100%", "email": "\(email)", "birth_date": "1968-02-29"}
                        """)
            }
            let made = try await make("asa@example.org")
            #expect(made.status == 201)
            #expect(try made.json["phone"] == .null)
            #expect(try made.json["birth_date"]?.text == "1968-02-29")
            #expect(try await make("ASA@example.org").problemCode == "patient_exists")
            for query in ["0%25", "asa@EXAMPLE.org", "%C3%A5sa"] {
                let found = try await service.send(
                    "GET", fixture.path("patients?query=\(query)"), token: fixture.receptionist)
                #expect(try found.json["items"]?.list?.count == 1, "\(query)")
            }
            let none = try await service.send(
                "GET", fixture.path("patients?query=_sa"), token: fixture.receptionist)
            #expect(try none.json["items"]?.list == [])
        }
    }

    @Test("lists of a clinic that does not exist are 404, not empty")
    func noClinic() async throws {
        try await withService { service in
            let token = try await service.token(.operator)
            for list in ["slots", "practitioners", "patients", "appointments"] {
                let answer = try await service.send(
                    "GET", "/v1/clinics/\(UUID().uuidString)/\(list)", token: token)
                #expect(answer.problemCode == "clinic_not_found")
            }
        }
    }
}
