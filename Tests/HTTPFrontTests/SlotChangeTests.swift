import Clinic
import Foundation
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting
import Testing

@Suite("An administrator's edits of a slot")
struct SlotChangeTests {
    @Test("moved, resized, blocked and freed, each under the version that was seen")
    func changed() async throws {
        try await withService { service in
            let desk = try await Desk(service)
            let moved = try await desk.patch(
                1, #"{"starts_at": "2031-01-01T09:00:00Z", "ends_at": "2031-01-01T09:30:00Z"}"#)
            #expect(moved.status == 200, "\(moved.body)")
            #expect(moved.headers["etag"] == "\"2\"")
            #expect(try moved.json["ends_at"]?.text == "2031-01-01T09:30:00Z")
            #expect(try await desk.patch(2, #"{"capacity": 3}"#).json["capacity"]?.integer == 3)
            let blocked = try await desk.patch(3, #"{"status": "busy-unavailable"}"#)
            #expect(try blocked.json["status"]?.text == "busy-unavailable")
            #expect(try await desk.book(0).problemCode == "slot_unavailable")
            let freed = try await desk.patch(4, #"{"status": "free"}"#)
            #expect(try freed.json["status"]?.text == "free")

            let stale = try await desk.patch(4, #"{"capacity": 1}"#)
            #expect(stale.problemCode == "version_conflict")
            #expect(try stale.json["current"] == freed.json)
            #expect(stale.headers["etag"] == "\"5\"")
            #expect(try await desk.patch(nil, #"{"capacity": 1}"#).status == 428)
            #expect(try await Verification(store: service.store).run().breaches.isEmpty)
        }
    }

    @Test(
        "what cannot be is refused, and changes nothing",
        arguments: [
            (#"{"capacity": 0}"#, "capacity"), (#"{"capacity": 1001}"#, "capacity"),
            (#"{"capacity": null}"#, "capacity"),
            (#"{"ends_at": "2001-01-01T00:00:00Z"}"#, "ends_at"),
            (#"{"starts_at": "1999-01-01T00:00:00Z"}"#, "starts_at"),
            (#"{"ends_at": "2199-01-01T00:00:00Z"}"#, "ends_at"),
            (#"{"starts_at": null}"#, "starts_at"), (#"{"status": "busy"}"#, "status"),
            (#"{"booked": 0}"#, "booked"),
        ])
    func refused(body: String, member: String) async throws {
        try await withService { service in
            let desk = try await Desk(service)
            let answer = try await desk.patch(1, body)
            #expect(answer.status == 422, "\(answer.body)")
            #expect(try answer.json["member"]?.text == member)
            #expect(try await desk.slot().json["version"]?.integer == 1)
        }
    }

    @Test("appointments keep their time and their seat; a block lets them be")
    func booked() async throws {
        try await withService { service in
            let desk = try await Desk(service, capacity: 3)
            #expect(try await desk.book(0).status == 201)
            #expect(try await desk.book(1).status == 201)
            #expect(try await desk.patch(3, #"{"capacity": 1}"#).problemCode == "slot_booked")
            let end = try #require(try await desk.slot().json["ends_at"]?.text)
            let later = try Date(end, strategy: .iso8601).addingTimeInterval(60)
            let longer = try await desk.patch(3, #"{"ends_at": "\#(later.formatted(.iso8601))"}"#)
            #expect(longer.problemCode == "slot_booked")
            #expect(try await desk.delete(3).problemCode == "slot_booked")
            #expect(try await desk.patch(3, #"{"capacity": 2}"#).status == 200)
            #expect(try await desk.patch(4, #"{"status": "busy-unavailable"}"#).status == 200)
            #expect(try await Verification(store: service.store).run().breaches.isEmpty)
        }
    }

    @Test("onto another slot of the practitioner: refused")
    func overlap() async throws {
        try await withService { service in
            let desk = try await Desk(service)
            let other = try await desk.fixture.slots(
                1, from: Date(timeIntervalSinceNow: 86_400 * 2))[0]
            let answer = try await desk.patch(
                1,
                """
                {"starts_at": "\(other.startsAt.formatted(.iso8601))",
                "ends_at": "\(other.endsAt.formatted(.iso8601))"}
                """)
            #expect(answer.problemCode == "slot_overlap")
        }
    }

    @Test("a live hold survives a block, keeps time and seats, and ends with the slot")
    func held() async throws {
        try await withService { service in
            let desk = try await Desk(service)
            try await service.database.owner.transaction { tx in
                try tx.execute(
                    """
                    UPDATE slots
                    SET held_by = gen_random_uuid(),
                        held_since = now(),
                        held_until = now() + interval '5 minutes'
                    """)
            }
            let resized = try await desk.patch(1, #"{"capacity": 2}"#)
            #expect(resized.problemCode == "slot_held")
            #expect(resized.headers["retry-after"] != nil)
            let blocked = try await desk.patch(1, #"{"status": "busy-unavailable"}"#)
            #expect(blocked.headers["etag"] == "\"2-held\"")
            #expect(try await desk.delete(2).status == 204)
        }
    }

    @Test("a hold that has expired is in nobody's way, and not kept by a slot of several seats")
    func expired() async throws {
        try await withService { service in
            let desk = try await Desk(service)
            try await service.database.owner.transaction { tx in
                try tx.execute(
                    """
                    UPDATE slots
                    SET held_by = gen_random_uuid(),
                        held_since = now() - interval '2 minutes',
                        held_until = now() - interval '1 minute'
                    """)
            }
            let resized = try await desk.patch(1, #"{"capacity": 2}"#)
            #expect(try resized.json["status"]?.text == "free")
            #expect(try await Verification(store: service.store).run().breaches.isEmpty)
        }
    }

    @Test("deleted: gone, and the audit trail knows by whom")
    func deleted() async throws {
        try await withService { service in
            let desk = try await Desk(service)
            #expect(try await desk.delete(7).problemCode == "version_conflict")
            let deleted = try await desk.delete(1)
            #expect(deleted.status == 204)
            #expect(deleted.body.isEmpty)
            #expect(try await desk.slot().problemCode == "slot_not_found")
            #expect(try await desk.delete(1).problemCode == "slot_not_found")
            let trail = try await service.send(
                "GET", desk.fixture.path("audit?object_type=slot"), token: desk.fixture.admin)
            #expect(
                try trail.json["items"]?.list?.compactMap { $0["action"]?.text }
                    == ["slot.created", "slot.deleted"])
        }
    }
}

/// A slot, patients who want it, and its administrator.
private struct Desk: Sendable {
    let fixture: Fixture
    private let id: String
    private let slotID: UUID
    private let patients: [Patient]

    init(_ service: Service, capacity: Int = 1) async throws {
        fixture = try await Fixture(service)
        slotID = try await fixture.slots(1, capacity: capacity)[0].id
        id = slotID.text
        patients = try await fixture.patients(2)
    }

    func book(_ patient: Int) async throws -> Answer {
        try await fixture.book(slotID, as: patients[patient])
    }

    func slot() async throws -> Answer {
        try await fixture.service.send("GET", fixture.path("slots/\(id)"))
    }

    func patch(_ version: Int?, _ body: String) async throws -> Answer {
        try await send("PATCH", version, body)
    }

    func delete(_ version: Int) async throws -> Answer { try await send("DELETE", version, nil) }

    private func send(_ method: String, _ version: Int?, _ body: String?) async throws -> Answer {
        try await fixture.service.send(
            method, fixture.path("slots/\(id)"), token: fixture.admin, body: body,
            headers: version.map { ["If-Match": "\"\($0)\""] } ?? [:])
    }
}
