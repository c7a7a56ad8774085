import Clinic
import FoundationEssentials
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting
import Testing

@Suite("Time off that is arranged while the calendar changes", .timeLimit(.minutes(30)))
struct TimeOffRaceTests {
    /// What puts a free seat into the time, by the time that it is done.
    enum Change: String, CaseIterable, Sendable {
        case make, makeMany, moveThere, cancel, widen
    }

    @Test(
        "the change first: time off waits for it, and blocks what it has made",
        arguments: Change.allCases)
    func changeFirst(_ change: Change) async throws {
        try await run(change) { scene in
            // What both do last.
            async let changed = scene.make(change)
            try await scene.sessions.wait(until: .blocked)
            async let arranged = scene.arrange()
            try await scene.sessions.wait(until: .blocked, 2)
            scene.hold.release()
            return try await [changed.status, arranged.status]
        }
    }

    @Test("time off first: the change waits for it, and finds it", arguments: Change.allCases)
    func timeOffFirst(_ change: Change) async throws {
        try await run(change) { scene in
            async let arranged = scene.arrange()
            try await scene.sessions.wait(until: .blocked)
            async let changed = scene.make(change)
            try await scene.sessions.wait(until: .blocked, 2)
            scene.hold.release()
            return try await [changed.status, arranged.status]
        }
    }

    private func run(
        _ change: Change, _ steps: @Sendable @escaping (Scene) async throws -> [Int]
    ) async throws {
        try await withRace { fixture in
            let slots = try await fixture.slots(1)
            let patient = try await fixture.patients(1)[0]
            let appointment = try await fixture.booked(slots[0], for: patient)
            let elsewhere = try await fixture.slots(
                1, from: slots[0].startsAt.addingTimeInterval(10 * 86_400))[0]
            try await holding(
                "LOCK TABLE journal IN SHARE ROW EXCLUSIVE MODE", in: fixture.service.database
            ) { hold in
                let scene = Scene(
                    fixture: fixture, slot: slots[0], elsewhere: elsewhere,
                    appointment: appointment, hold: hold)
                let statuses = try await steps(scene)
                #expect(statuses.allSatisfy { (200..<300).contains($0) })
            }
            let free = try await fixture.service.database.owner.read { tx in
                tx.pipeline.one(
                    Scalar<Int>.self,
                    """
                    SELECT count(*)
                    FROM slots
                    JOIN time_off
                        ON slots.starts_at < time_off.ends_at AND slots.ends_at > time_off.starts_at
                    WHERE slots.status = 'free'
                    """)
            }
            #expect(free.value == 0)
            #expect(try await fixture.breaches() == [])
        }
    }

    /// A day on which somebody is to be away.
    private struct Scene: Sendable {
        let fixture: Fixture
        let slot: Slot
        let elsewhere: Slot
        let appointment: String
        let hold: Hold

        var sessions: Sessions { Sessions(of: fixture.service.database) }

        func arrange() async throws -> Answer {
            try await fixture.timeOff(slot.startsAt, slot.startsAt.addingTimeInterval(5 * 86_400))
        }

        func make(_ change: Change) async throws -> Answer {
            let practitioner = fixture.practitioner.id.text
            let (start, end) = (slot.endsAt, slot.endsAt.addingTimeInterval(900))
            let times = """
                "starts_at": "\(start.formatted(.iso8601))", "ends_at": "\(end.formatted(.iso8601))"
                """
            let day = start.addingTimeInterval(86_400).formatted(.iso8601).prefix(10)
            switch change {
            case .make:
                return try await fixture.send(
                    "POST", "slots", as: fixture.admin,
                    #"{"practitioner_id": "\#(practitioner)", \#(times)}"#)
            case .makeMany:
                return try await fixture.send(
                    "POST", "availability", as: fixture.admin,
                    """
                    {"practitioner_id": "\(practitioner)", "from": "\(day)", "to": "\(day)",
                    "weekdays": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
                    "start": "09:00", "end": "10:00", "slot_minutes": 30}
                    """)
            case .moveThere:
                return try await fixture.send(
                    "PATCH", "slots/\(elsewhere.id.text)", as: fixture.admin, "{\(times)}",
                    version: "1")
            case .cancel: return try await fixture.cancel(appointment)
            case .widen:
                return try await fixture.send(
                    "PATCH", "slots/\(slot.id.text)", as: fixture.admin, #"{"capacity": 2}"#,
                    version: "2")
            }
        }
    }
}
