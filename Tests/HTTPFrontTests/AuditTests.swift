import Clinic
import Foundation
import HTTPFront
import ServiceTesting
import Testing

@Suite("The audit trail")
struct AuditTests {
    @Test("who did what to which object, when, in which request, and what it became")
    func trail() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let slot = try await fixture.slots(1)[0]
            let patient = try await fixture.patients(1)[0]
            let desk = try await service.token(
                .receptionist, clinic: fixture.clinic.id, subject: "mia@lindenhof.example")
            let booked = try await service.send(
                "POST", fixture.path("appointments"), token: desk,
                body: """
                    {"slot_id": "\(slot.id.text)", "patient_id": "\(patient.id.text)"}
                    """,
                headers: ["X-Request-Id": "desk-8"])
            let appointment = try #require(try booked.json["id"]?.text)

            let all = try await entries(fixture)
            #expect(
                all.compactMap { $0["action"]?.text }.sorted() == [
                    "appointment.booked", "clinic.created", "patient.created",
                    "practitioner.created", "slot.booked", "slot.created",
                ])
            let ofAppointment = try await entries(fixture, "?object_id=\(appointment)")
            #expect(ofAppointment == all.filter { $0["action"]?.text == "appointment.booked" })
            let entry = try #require(ofAppointment.first)
            #expect(
                entry.names == [
                    "id", "at", "actor", "action", "object_type", "object_id", "version",
                    "request_id", "detail",
                ])
            #expect(entry["actor"]?.text == "mia@lindenhof.example")
            #expect(entry["object_type"]?.text == "appointment")
            #expect(entry["object_id"]?.text == appointment)
            #expect(entry["version"]?.integer == 1)
            #expect(entry["request_id"]?.text == "desk-8")
            #expect(entry["at"]?.text?.hasSuffix("Z") == true)
            let ofSlots = try await entries(fixture, "?object_type=slot")
            #expect(ofSlots.compactMap { $0["version"]?.integer } == [1, 2])
        }
    }

    @Test("a change of a version says what it was; a change that was refused is not there")
    func changes() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let path = "/v1/clinics/\(fixture.clinic.id.text)"
            for (version, status) in [("1", 200), ("1", 412)] {
                let answer = try await service.send(
                    "PATCH", path, token: fixture.admin, body: #"{"name": "Am See"}"#,
                    headers: [
                        "If-Match": "\"\(version)\"",
                        "Content-Type": "application/merge-patch+json",
                    ])
                #expect(answer.status == status)
            }
            let entries = try await entries(fixture, "?object_type=clinic")
            #expect(entries.compactMap { $0["version"]?.integer } == [1, 2])
            #expect(entries.last?["action"]?.text == "clinic.changed")
            #expect(entries.last?["detail"]?["name"]?.text == "Am See")
        }
    }

    private func entries(_ fixture: Fixture, _ filter: String = "") async throws -> [JSONValue] {
        let answer = try await fixture.service.send(
            "GET", fixture.path("audit\(filter)"), token: fixture.admin)
        return try #require(try answer.json["items"]?.list, "\(answer.body)")
    }
}
