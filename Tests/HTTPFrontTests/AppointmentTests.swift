import Clinic
import Foundation
import HTTPFront
import Postgres
import ServiceTesting
import Testing

@Suite("What becomes of an appointment")
struct AppointmentTests {
    @Test("cancelled: the seat is free again, the patient is told, and once is enough")
    func cancelled() async throws {
        try await withFixture { fixture, slots, patients in
            let id = try await fixture.booked(slots[0], for: patients[0])
            let answer = try await fixture.send(
                "POST", "appointments/\(id)/cancel", as: try await fixture.token(of: patients[0]),
                #"{"reason": "a cold"}"#)
            #expect(answer.status == 200)
            #expect(try answer.json["status"] == .string("cancelled"))
            #expect(answer.headers["etag"] == "\"2\"")
            let slot = try await fixture.now(slots[0])
            #expect(slot.status == .free && slot.booked == 0 && slot.version == 3)
            #expect(try await fixture.cancel(id).problemCode == "not_active")
            #expect(
                try await kinds(fixture) == ["appointment.booked", "appointment.cancelled"])
            #expect(try await fixture.booked(slots[0], for: patients[1]).isEmpty == false)
        }
    }

    @Test("once it has begun a patient cannot cancel or move it; the clinic can")
    func begun() async throws {
        try await withFixture { fixture, slots, patients in
            let id = try await fixture.booked(slots[0], for: patients[0])
            try await fixture.shift(slots[0], toStartIn: -60)
            let patient = try await fixture.token(of: patients[0])
            let cancelled = try await fixture.cancel(id, as: patient)
            #expect(cancelled.status == 422 && cancelled.problemCode == "appointment_in_past")
            let moved = try await fixture.move(id, to: slots[1], as: patient)
            #expect(moved.problemCode == "appointment_in_past")
            #expect(try await fixture.move(id, to: slots[1]).status == 200)
            #expect(try await fixture.cancel(id).status == 200)
        }
    }

    @Test("moved: the same appointment, its old seat free, its new one taken, one message")
    func moved() async throws {
        try await withFixture { fixture, slots, patients in
            let id = try await fixture.booked(slots[0], for: patients[0])
            let answer = try await fixture.move(id, to: slots[1])
            #expect(answer.status == 200)
            #expect(try answer.id == id)
            #expect(try answer.json["version"] == .number(2))
            #expect(try answer.json["slot_id"] == .string(slots[1].id.text))
            #expect(try await fixture.now(slots[0]).status == .free)
            #expect(try await fixture.now(slots[1]).status == .busy)
            #expect(try await kinds(fixture) == ["appointment.booked", "appointment.moved"])
            let read = try await fixture.send("GET", "appointments/\(id)")
            #expect(read.body == answer.body)

            let nowhere = try await fixture.move(id, to: slots[1])
            #expect(nowhere.status == 200 && nowhere.body == answer.body)
            #expect(try await kinds(fixture).count == 2)
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("a refused move leaves the appointment as it was, and offers other slots")
    func refusedMove() async throws {
        try await withFixture { fixture, slots, patients in
            let id = try await fixture.booked(slots[0], for: patients[0])
            let before = try await fixture.send("GET", "appointments/\(id)").body
            _ = try await fixture.booked(slots[1], for: patients[1])
            _ = try await fixture.hold(slots[2], for: patients[1])
            let block = try await fixture.send(
                "PATCH", "slots/\(slots[3].id.text)", as: fixture.admin,
                #"{"status": "busy-unavailable"}"#, version: "1")
            #expect(block.status == 200)
            try await fixture.shift(slots[4], toStartIn: -60)
            let codes = [
                (slots[1], "slot_taken"), (slots[2], "slot_held"), (slots[3], "slot_unavailable"),
                (slots[4], "slot_in_past"),
            ]
            for (slot, code) in codes {
                let refused = try await fixture.move(id, to: slot)
                #expect(refused.problemCode == code)
                let hasAlternatives = try refused.json["alternatives"]?.list?.isEmpty == false
                #expect(hasAlternatives == (code != "slot_in_past"))
            }
            let nowhere = try await fixture.send(
                "POST", "appointments/\(id)/reschedule", as: nil,
                #"{"slot_id": "\#(UUID().text)"}"#)
            #expect(nowhere.problemCode == "slot_not_found")
            #expect(try await fixture.send("GET", "appointments/\(id)").body == before)
            #expect(try await fixture.now(slots[0]).booked == 1)
        }
    }

    @Test("a move next to another appointment of the patient: overlapping is patient_busy")
    func busyMove() async throws {
        try await withFixture { fixture, slots, patients in
            let colleague = try await fixture.colleague()
            let other = try await fixture.slots(1, from: slots[1].startsAt, by: colleague)[0]
            let id = try await fixture.booked(slots[0], for: patients[0])
            _ = try await fixture.booked(slots[1], for: patients[0])
            #expect(try await fixture.move(id, to: other).problemCode == "patient_busy")
            // Its own time does not keep it from moving.
            let same = try await fixture.slots(1, from: slots[0].startsAt, by: colleague)[0]
            #expect(try await fixture.move(id, to: same).status == 200)
        }
    }

    @Test("statuses: each that is allowed, and no other, under the version that was seen")
    func statuses() async throws {
        try await withFixture { fixture, slots, patients in
            let id = try await fixture.booked(slots[0], for: patients[0])
            func set(_ status: String, _ version: String?) async throws -> Answer {
                try await fixture.send(
                    "POST", "appointments/\(id)/status", as: nil, #"{"status": "\#(status)"}"#,
                    version: version)
            }
            #expect(try await set("arrived", nil).problemCode == "precondition_required")
            #expect(try await set("cancelled", "1").status == 422)
            let arrived = try await set("arrived", "1")
            #expect(arrived.status == 200 && arrived.headers["etag"] == "\"2\"")
            let stale = try await set("fulfilled", "1")
            #expect(stale.problemCode == "version_conflict")
            #expect(try stale.json["current"]?["status"] == .string("arrived"))
            #expect(try stale.json["changed_by"] == .string("receptionist@test"))
            #expect(try await set("noshow", "2").problemCode == "bad_transition")
            #expect(try await set("fulfilled", "2").status == 200)
            #expect(try await set("arrived", "3").problemCode == "bad_transition")
            #expect(try await fixture.move(id, to: slots[1]).problemCode == "bad_transition")
            #expect(try await fixture.now(slots[0]).booked == 1)
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("what was seen counts where it is said: If-Match on a cancellation")
    func seenVersion() async throws {
        try await withFixture { fixture, slots, patients in
            let id = try await fixture.booked(slots[0], for: patients[0])
            _ = try await fixture.move(id, to: slots[1])
            let stale = try await fixture.send(
                "POST", "appointments/\(id)/cancel", as: nil, version: "1")
            #expect(stale.problemCode == "version_conflict")
            #expect(try stale.json["current"]?["version"] == .number(2))
            let fresh = try await fixture.send(
                "POST", "appointments/\(id)/cancel", as: nil, version: "2")
            #expect(fresh.status == 200)
        }
    }

    @Test("another patient's appointment is not there")
    func others() async throws {
        try await withFixture { fixture, slots, patients in
            let id = try await fixture.booked(slots[0], for: patients[0])
            let stranger = try await fixture.token(of: patients[1])
            #expect(
                try await fixture.cancel(id, as: stranger).problemCode == "appointment_not_found")
            #expect(
                try await fixture.move(id, to: slots[1], as: stranger).problemCode
                    == "appointment_not_found")
            #expect(
                try await fixture.send("GET", "appointments/\(id).ics", as: stranger).status == 404)
        }
    }

    private func kinds(_ fixture: Fixture) async throws -> [String] {
        try await MailRoom(fixture.service, url: "smtp://127.0.0.1:1").entries().map(\.kind)
            .sorted()
    }

    private func withFixture(
        _ body: @Sendable @escaping (Fixture, [Slot], [Patient]) async throws -> Void
    ) async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            try await body(fixture, fixture.slots(6), fixture.patients(3))
        }
    }
}
