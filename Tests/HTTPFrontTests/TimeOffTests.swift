import Clinic
import Foundation
import HTTPFront
import Postgres
import ServiceTesting
import Testing

@Suite("A practitioner who is away")
struct TimeOffTests {
    @Test("what is free is blocked, what is booked is listed and stays")
    func arranged() async throws {
        try await withFixture { fixture, slots, patients in
            let booked = try await fixture.booked(slots[1], for: patients[0])
            _ = try await fixture.hold(slots[2], for: patients[1])
            let byHand = try await fixture.send(
                "PATCH", "slots/\(slots[3].id.text)", as: fixture.admin,
                #"{"status": "busy-unavailable"}"#, version: "1")
            #expect(byHand.status == 200)
            // Of the fifth slot only a part.
            let answer = try await fixture.timeOff(
                slots[0].startsAt, slots[4].startsAt.addingTimeInterval(60))
            #expect(answer.status == 201)
            #expect(try answer.json["blocked"] == .number(3))
            #expect(try answer.json["booked"]?.list?.map { $0["id"] } == [.string(booked)])
            let statuses = try await slots.asyncMap { try await fixture.now($0).status }
            #expect(
                statuses == [
                    .busyUnavailable, .busy, .busyUnavailable, .busyUnavailable, .busyUnavailable,
                    .free,
                ])
            #expect(
                try await fixture.book(slots[0].id, as: patients[1]).problemCode
                    == "slot_unavailable")

            let list = try await fixture.send("GET", "time-off")
            #expect(try list.json["items"]?.list?.map { $0["id"] } == [try answer.json["id"]])
            let id = try answer.id
            let gone = try await fixture.send("DELETE", "time-off/\(id)", as: fixture.admin)
            #expect(gone.status == 204)
            let after = try await slots.asyncMap { try await fixture.now($0).status }
            // What was blocked by hand stays blocked, and the hold lives.
            #expect(after == [.free, .busy, .busyTentative, .busyUnavailable, .free, .free])
            let again = try await fixture.send("DELETE", "time-off/\(id)", as: fixture.admin)
            #expect(again.problemCode == "time_off_not_found")
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("the promise holds for what comes later: seats freed, slots made, moved, widened")
    func promise() async throws {
        try await withFixture { fixture, slots, patients in
            let cancelled = try await fixture.booked(slots[0], for: patients[0])
            let moved = try await fixture.booked(slots[1], for: patients[1])
            _ = try await fixture.booked(slots[2], for: patients[2])
            let waiting = try await fixture.wait(patients[2], from: slots[0], to: slots[1])
            let end = slots[5].endsAt.addingTimeInterval(3600)
            _ = try await fixture.timeOff(slots[0].startsAt, slots[4].startsAt)
            _ = try await fixture.timeOff(slots[5].endsAt, end)

            #expect(try await fixture.cancel(cancelled).status == 200)
            #expect(try await fixture.now(slots[0]).status == .busyUnavailable)
            #expect(try await fixture.move(moved, to: slots[4]).status == 200)
            #expect(try await fixture.now(slots[1]).status == .busyUnavailable)
            #expect(try await fixture.entry(waiting).status == .waiting)
            let widened = try await fixture.send(
                "PATCH", "slots/\(slots[2].id.text)", as: fixture.admin, #"{"capacity": 2}"#,
                version: "2")
            #expect(try widened.json["status"] == .string("busy-unavailable"))
            let made = try await fixture.slots(1, from: slots[5].endsAt)[0]
            #expect(made.status == .busyUnavailable)
            let times = """
                {"starts_at": "\(end.addingTimeInterval(-900).formatted(.iso8601))",
                "ends_at": "\(end.formatted(.iso8601))"}
                """
            let there = try await fixture.send(
                "PATCH", "slots/\(slots[5].id.text)", as: fixture.admin, times, version: "1")
            #expect(try there.json["status"] == .string("busy-unavailable"))
            // And out of it again.
            let back = try await fixture.send(
                "PATCH", "slots/\(slots[5].id.text)", as: fixture.admin,
                """
                {"starts_at": "\(slots[5].startsAt.formatted(.iso8601))",
                "ends_at": "\(slots[5].endsAt.formatted(.iso8601))"}
                """, version: "2")
            #expect(try back.json["status"] == .string("free"))
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("two that overlap: what lies in both is free when both are over")
    func overlapping() async throws {
        try await withFixture { fixture, slots, _ in
            let one = try await fixture.timeOff(slots[0].startsAt, slots[2].startsAt).id
            let other = try await fixture.timeOff(slots[1].startsAt, slots[3].startsAt).id
            func end(_ id: String) async throws -> [SlotStatus] {
                _ = try await fixture.send("DELETE", "time-off/\(id)", as: fixture.admin)
                return try await slots.prefix(3).asyncMap { try await fixture.now($0).status }
            }
            #expect(try await end(one) == [.free, .busyUnavailable, .busyUnavailable])
            #expect(try await end(other) == [.free, .free, .free])
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("another clinic's time off is not there, and stays")
    func foreign() async throws {
        try await withFixture { fixture, slots, _ in
            let id = try await fixture.timeOff(slots[0].startsAt, slots[1].startsAt).id
            let other = try await Fixture(fixture.service, named: "Harbour")
            let answer = try await other.send("DELETE", "time-off/\(id)", as: other.admin)
            #expect(answer.problemCode == "time_off_not_found")
            #expect(try await fixture.now(slots[0]).status == .busyUnavailable)
        }
    }

    @Test("an end before a start, and more than ten years, are refused")
    func invalid() async throws {
        try await withFixture { fixture, slots, _ in
            for end in [slots[0].startsAt, slots[0].startsAt.addingTimeInterval(3661 * 86_400)] {
                let answer = try await fixture.timeOff(slots[0].startsAt, end)
                #expect(answer.status == 422)
                #expect(try answer.json["member"] == .string("ends_at"))
            }
        }
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

extension Sequence where Self: Sendable {
    fileprivate func asyncMap<Value>(
        _ transform: (Element) async throws -> Value
    ) async rethrows -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await transform(element)) }
        return values
    }
}
