import Clinic
import FoundationEssentials
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting
import Synchronization
import Testing

/// Two things happen to one slot: each in either order, the second waiting for the first's row lock.
@Suite("A hold, step by step", .timeLimit(.minutes(15)))
struct HoldInterleavingTests {
    /// Something that is done to the slot, and what it is told.
    enum Step: String, CaseIterable, Sendable {
        case holdByAnn, holdByBen, bookByAnn, bookByBen, endHold, block
    }

    /// What each of two steps is told, the second one coming behind the first, on a slot that nobody
    /// holds.
    struct Case: Sendable, CustomTestStringConvertible {
        let first: Step
        let second: Step
        let told: [String]

        var testDescription: String { "\(first), then \(second)" }
    }

    static let cases: [Case] = Step.allCases.flatMap { first in
        Step.allCases.map { second in
            Case(first: first, second: second, told: expected(first, second))
        }
    }

    /// Of a slot that Ann holds already.
    static let heldCases: [Case] = Step.allCases.flatMap { first in
        Step.allCases.map { second in
            Case(first: first, second: second, told: expected(first, second, isHeld: true))
        }
    }

    /// What the contract says, written down apart from the service: a slot is a holder, a booking, a
    /// block and a number of changes.
    private static func expected(_ first: Step, _ second: Step, isHeld: Bool = false) -> [String] {
        var holder: String? = isHeld ? "ann" : nil
        var (isBooked, isBlocked, changes) = (false, false, 0)
        func hold(_ patient: String) -> String {
            if isBlocked { return "slot_unavailable" }
            if isBooked { return "slot_taken" }
            if let holder, holder != patient { return "slot_held" }
            defer { (holder, changes) = (patient, changes + 1) }
            return holder == patient ? "200" : "201"
        }
        func book(_ patient: String) -> String {
            if isBlocked { return "slot_unavailable" }
            if isBooked { return "slot_taken" }
            if let holder, holder != patient { return "slot_held" }
            (holder, isBooked, changes) = (nil, true, changes + 1)
            return "201"
        }
        return [first, second].map { step in
            switch step {
            case .holdByAnn: return hold("ann")
            case .holdByBen: return hold("ben")
            case .bookByAnn: return book("ann")
            case .bookByBen: return book("ben")
            case .endHold:
                guard holder != nil else { return "hold_not_found" }
                (holder, changes) = (nil, changes + 1)
                return "204"
            case .block:
                // Based on the slot as it was before either.
                guard changes == 0 else { return "version_conflict" }
                (isBlocked, changes) = (true, 1)
                return "200"
            }
        }
    }

    @Test("each step behind each other one, on a free slot", arguments: cases)
    func free(_ steps: Case) async throws { try await run(steps, isHeld: false) }

    @Test("each step behind each other one, on a slot that Ann holds", arguments: heldCases)
    func held(_ steps: Case) async throws { try await run(steps, isHeld: true) }

    private func run(_ steps: Case, isHeld: Bool) async throws {
        try await withRace { fixture in
            let scene = try await Scene(fixture)
            if isHeld { _ = try await fixture.hold(scene.slot, for: scene.ann) }
            let version = try await fixture.now(scene.slot).version
            let isRefused = Int(steps.told[0]) == nil
            let told =
                isRefused
                ? [
                    try await scene.take(steps.first, version),
                    try await scene.take(steps.second, version),
                ] : try await scene.takeTogether(steps.first, steps.second, version)
            #expect(told == steps.told)
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("40 slots held at once for one patient: 20 are, and 20 are not")
    func atOnce() async throws {
        try await withRace { fixture in
            let slots = try await fixture.slots(40)
            let patient = try await fixture.patients(1)[0]
            let barrier = Barrier(40)
            let answers = try await withThrowingTaskGroup { group in
                for slot in slots {
                    group.addTask {
                        await barrier.arrive()
                        return try await fixture.hold(slot, for: patient)
                    }
                }
                return try await group.reduce(into: [Answer]()) { $0.append($1) }
            }
            #expect(answers.count { $0.status == 201 } == 20)
            #expect(answers.count { $0.problemCode == "not_holdable" } == 20)
        }
    }

    @Test("a hold that ends while a booking waits for its row: the clock behind the lock counts")
    func expiresMeanwhile() async throws {
        try await withRace { fixture in
            let scene = try await Scene(fixture)
            _ = try await fixture.hold(scene.slot, for: scene.ann)
            let sessions = Sessions(of: fixture.service.database)
            // Its time is over by the time that the lock is let go, and was not when the booking came.
            try await holding(
                "UPDATE slots SET held_until = clock_timestamp() + interval '10 milliseconds'",
                "SELECT pg_sleep(0.02)", in: fixture.service.database
            ) { hold in
                async let booked = scene.take(.bookByBen, 1)
                try await sessions.wait(until: .blocked)
                hold.release()
                #expect(try await booked == "201")
            }
        }
    }

    @Test("a hold that is renewed while a booking waits for its row: it is still held")
    func renewedMeanwhile() async throws {
        try await withRace { fixture in
            let scene = try await Scene(fixture)
            _ = try await fixture.hold(scene.slot, for: scene.ann)
            try await fixture.endTime(ofHoldOn: scene.slot)
            let sessions = Sessions(of: fixture.service.database)
            try await holding(
                "UPDATE slots SET held_until = clock_timestamp() + interval '60 seconds'",
                in: fixture.service.database
            ) { hold in
                async let booked = scene.take(.bookByBen, 1)
                try await sessions.wait(until: .blocked)
                hold.release()
                #expect(try await booked == "slot_held")
            }
        }
    }

    /// A slot and two patients who want it.
    private struct Scene: Sendable {
        let fixture: Fixture
        let slot: Slot
        let ann: Patient
        let ben: Patient

        init(_ fixture: Fixture) async throws {
            self.fixture = fixture
            slot = try await fixture.slots(1)[0]
            ann = try await fixture.patient(named: "ann")
            ben = try await fixture.patient(named: "ben")
        }

        /// Has the second step come while the first one, which writes, has the slot's lock: what that
        /// does last keeps it waiting.
        func takeTogether(_ first: Step, _ second: Step, _ version: Int) async throws -> [String] {
            let sessions = Sessions(of: fixture.service.database)
            let told = Mutex<[String]>([])
            try await holding(
                "LOCK TABLE journal IN SHARE ROW EXCLUSIVE MODE", in: fixture.service.database
            ) { hold in
                async let one = take(first, version)
                try await sessions.wait(until: .blocked)
                async let other = take(second, version)
                try await sessions.wait(until: .blocked, 2)
                hold.release()
                let answers = try await [one, other]
                told.withLock { $0 = answers }
            }
            return told.withLock { $0 }
        }

        /// - Returns: The problem's code, or the status of what succeeded.
        func take(_ step: Step, _ version: Int) async throws -> String {
            let path = "slots/\(slot.id.text)"
            let answer =
                switch step {
                case .holdByAnn: try await fixture.hold(slot, for: ann)
                case .holdByBen: try await fixture.hold(slot, for: ben)
                case .bookByAnn: try await fixture.book(slot.id, as: ann)
                case .bookByBen: try await fixture.book(slot.id, as: ben)
                case .endHold: try await fixture.send("DELETE", "\(path)/hold")
                case .block:
                    try await fixture.send(
                        "PATCH", path, as: fixture.admin, #"{"status": "busy-unavailable"}"#,
                        version: "\(version)")
                }
            return answer.problemCode ?? "\(answer.status)"
        }
    }
}
