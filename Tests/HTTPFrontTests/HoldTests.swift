import Clinic
import Foundation
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting
import Testing

@Suite("A slot that waits for a patient who fills in a form")
struct HoldTests {
    @Test("held for one patient: nobody else books or holds it, and its holder does")
    func held() async throws {
        try await withFixture { fixture, slots, patients in
            let held = try await fixture.hold(slots[0], for: patients[0], seconds: 60)
            #expect(held.status == 201)
            #expect(try held.json["patient_id"] == .string(patients[0].id.text))
            let seen = try await fixture.send("GET", "slots/\(slots[0].id.text)")
            #expect(try seen.json["status"] == .string("busy-tentative"))
            #expect(seen.headers["etag"] == "\"2-held\"")

            let other = try await fixture.book(slots[0].id, as: patients[1])
            #expect(other.problemCode == "slot_held")
            #expect(other.headers["retry-after"] != nil)
            #expect(try other.json["alternatives"]?.list?.isEmpty == false)
            #expect(
                try await fixture.hold(slots[0], for: patients[1]).problemCode == "slot_held")
            #expect(try await fixture.book(slots[0].id, as: patients[0]).status == 201)
            #expect(try await fixture.now(slots[0]).status == .busy)
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("renewed by its holder, until 900 seconds after the first time and not a moment longer")
    func renewed() async throws {
        try await withFixture { fixture, slots, patients in
            _ = try await fixture.hold(slots[0], for: patients[0], seconds: 5)
            let renewed = try await fixture.hold(slots[0], for: patients[0], seconds: 600)
            #expect(renewed.status == 200)
            try await fixture.service.database.owner.transaction { tx in
                try tx.execute("UPDATE slots SET held_since = held_since - interval '800 seconds'")
            }
            let last = try await fixture.hold(slots[0], for: patients[0], seconds: 900)
            let limit = try await fixture.service.database.owner.read { tx in
                tx.pipeline.one(
                    Scalar<Bool>.self,
                    """
                    SELECT held_until = held_since + interval '900 seconds'
                    FROM slots
                    WHERE id = \(slots[0].id)
                    """)
            }
            #expect(last.status == 200 && limit.value)
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("over: anybody can have it, with no sweeper in between")
    func over() async throws {
        try await withFixture { fixture, slots, patients in
            for slot in slots.prefix(3) {
                _ = try await fixture.hold(slot, for: patients[0])
                try await fixture.endTime(ofHoldOn: slot)
            }
            #expect(try await fixture.now(slots[0]).status == .free)
            #expect(try await fixture.book(slots[0].id, as: patients[1]).status == 201)
            #expect(try await fixture.hold(slots[1], for: patients[1]).status == 201)
            // The same patient begins anew.
            #expect(try await fixture.hold(slots[2], for: patients[0]).status == 201)
        }
    }

    @Test("ended by its holder or by staff, and by no other patient")
    func ended() async throws {
        try await withFixture { fixture, slots, patients in
            let path = "slots/\(slots[0].id.text)/hold"
            _ = try await fixture.hold(slots[0], for: patients[0])
            let stranger = try await fixture.send(
                "DELETE", path, as: fixture.token(of: patients[1]))
            #expect(stranger.problemCode == "hold_not_found")
            let own = try await fixture.send("DELETE", path, as: fixture.token(of: patients[0]))
            #expect(own.status == 204)
            #expect(try await fixture.now(slots[0]).status == .free)
            #expect(try await fixture.send("DELETE", path).problemCode == "hold_not_found")
            _ = try await fixture.hold(slots[0], for: patients[0])
            #expect(try await fixture.send("DELETE", path).status == 204)
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("not held: several seats, twenty others, taken, blocked, begun, too long, too short")
    func refused() async throws {
        try await withFixture { fixture, slots, patients in
            let group = try await fixture.slots(
                1, capacity: 2, from: slots[0].startsAt.addingTimeInterval(86_400))[0]
            #expect(try await fixture.hold(group, for: patients[0]).problemCode == "not_holdable")
            for slot in slots.prefix(20) {
                #expect(try await fixture.hold(slot, for: patients[0]).status == 201)
            }
            let more = try await fixture.hold(slots[20], for: patients[0])
            #expect(more.status == 422 && more.problemCode == "not_holdable")
            // One that it has counts once, and those that are over not at all.
            #expect(try await fixture.hold(slots[0], for: patients[0]).status == 200)
            try await fixture.endTime(ofHoldOn: slots[0])
            #expect(try await fixture.hold(slots[20], for: patients[0]).status == 201)

            _ = try await fixture.booked(slots[21], for: patients[1])
            #expect(try await fixture.hold(slots[21], for: patients[0]).problemCode == "slot_taken")
            try await fixture.shift(slots[22], toStartIn: -1)
            #expect(
                try await fixture.hold(slots[22], for: patients[1]).problemCode == "slot_in_past")
            for seconds in [4, 901] {
                let answer = try await fixture.hold(slots[23], for: patients[1], seconds: seconds)
                #expect(try answer.json["member"] == .string("ttl_seconds"))
            }
            let block = try await fixture.send(
                "PATCH", "slots/\(slots[23].id.text)", as: fixture.admin,
                #"{"status": "busy-unavailable"}"#, version: "1")
            #expect(block.status == 200)
            #expect(
                try await fixture.hold(slots[23], for: patients[1]).problemCode
                    == "slot_unavailable")
            let nobody = try await fixture.send(
                "POST", "slots/\(slots[23].id.text)/hold", as: nil,
                #"{"patient_id": "\#(UUID().text)"}"#)
            #expect(nobody.problemCode == "patient_not_found")
        }
    }

    private func withFixture(
        _ body: @Sendable @escaping (Fixture, [Slot], [Patient]) async throws -> Void
    ) async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            try await body(fixture, fixture.slots(24), fixture.patients(2))
        }
    }
}
