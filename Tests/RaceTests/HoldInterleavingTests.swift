import Clinic
import FoundationEssentials
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting
import Synchronization
import Testing

/// Two things happen to one slot: each in either order, the second waiting for the first's row lock.
@Suite("A hold, step by step", .timeLimit(.minutes(30)))
struct HoldInterleavingTests {
    /// Something that is done to the slot.
    enum Step: String, CaseIterable, Sendable {
        case holdByAnn, holdByBen, bookByAnn, bookByBen, endHold, cancel, block
    }

    /// What the slot is like before either step.
    enum Start: String, CaseIterable, Sendable {
        case free, heldByAnn, heldByAnnUntilJustNow, bookedByCat

        /// What can be done then: only what is booked can be cancelled.
        var steps: [Step] { Step.allCases.filter { $0 != .cancel || self == .bookedByCat } }
    }

    /// Two steps on a slot, and what each is told, the second one coming behind the first.
    struct Case: Sendable, CustomTestStringConvertible {
        let start: Start
        let first: Step
        let second: Step
        let told: [String]

        var testDescription: String { "\(start): \(first), then \(second)" }
    }

    static let cases = Start.allCases.flatMap { start in
        start.steps.flatMap { first in
            start.steps.map { second in
                Case(
                    start: start, first: first, second: second,
                    told: expected(start, [first, second]))
            }
        }
    }

    /// What the contract says, written down apart from the service: a slot is a holder, somebody who has
    /// booked it, a block and a number of changes.
    private static func expected(_ start: Start, _ steps: [Step]) -> [String] {
        var holder: String? = start == .heldByAnn ? "ann" : nil
        var patient: String? = start == .bookedByCat ? "cat" : nil
        var catHasCancelled = false
        var (isBlocked, changes) = (false, 0)
        func obstacle(for name: String) -> String? {
            if isBlocked { return "slot_unavailable" }
            if patient != nil { return "slot_taken" }
            if let holder, holder != name { return "slot_held" }
            return nil
        }
        func hold(_ name: String) -> String {
            if let obstacle = obstacle(for: name) { return obstacle }
            defer { (holder, changes) = (name, changes + 1) }
            return holder == name ? "200" : "201"
        }
        func book(_ name: String) -> String {
            if let obstacle = obstacle(for: name) { return obstacle }
            (holder, patient, changes) = (nil, name, changes + 1)
            return "201"
        }
        return steps.map { step in
            switch step {
            case .holdByAnn: return hold("ann")
            case .holdByBen: return hold("ben")
            case .bookByAnn: return book("ann")
            case .bookByBen: return book("ben")
            case .endHold:
                guard holder != nil else { return "hold_not_found" }
                (holder, changes) = (nil, changes + 1)
                return "204"
            case .cancel:
                guard !catHasCancelled else { return "not_active" }
                (patient, catHasCancelled, changes) = (nil, true, changes + 1)
                return "200"
            case .block:
                // Based on the slot as it was before either.
                guard changes == 0 else { return "version_conflict" }
                (isBlocked, changes) = (true, 1)
                return "200"
            }
        }
    }

    @Test("each step behind each other one, whatever the slot is like", arguments: cases)
    func steps(_ steps: Case) async throws {
        try await withRace { fixture in
            let scene = try await Scene(fixture, steps.start)
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

    @Test("the 20th and the 21st hold of a patient at once: the second waits to be counted")
    func atOnce() async throws {
        try await withRace { fixture in
            let slots = try await fixture.slots(21)
            let patient = try await fixture.patients(1)[0]
            for slot in slots.prefix(19) { _ = try await fixture.hold(slot, for: patient) }
            let sessions = Sessions(of: fixture.service.database)
            try await holding(
                "LOCK TABLE journal IN SHARE ROW EXCLUSIVE MODE", in: fixture.service.database
            ) { hold in
                async let one = fixture.hold(slots[19], for: patient)
                try await sessions.wait(until: .blocked)
                async let other = fixture.hold(slots[20], for: patient)
                try await sessions.wait(until: .blocked, 2)
                hold.release()
                #expect(try await one.status == 201)
                #expect(try await other.problemCode == "not_holdable")
            }
        }
    }

    @Test("a hold that ends while a booking waits for its row: the clock behind the lock counts")
    func expiresMeanwhile() async throws {
        try await withRace { fixture in
            let scene = try await Scene(fixture, .heldByAnn)
            let database = fixture.service.database
            let sessions = Sessions(of: database)
            let end = try await clock(database).addingTimeInterval(0.5)
            try await holding("UPDATE slots SET held_until = \(end)", in: database) { hold in
                async let booked = scene.take(.bookByBen, 1)
                try await sessions.wait(until: .blocked)
                // It came before the end, and goes on behind it.
                while try await clock(database) <= end {}
                hold.release()
                #expect(try await booked == "201")
            }
        }
    }

    /// The database's.
    private func clock(_ database: TestDatabase) async throws -> Date {
        try await database.owner.read { tx in
            tx.pipeline.one(Scalar<Date>.self, "SELECT clock_timestamp()")
        }.value
    }

    @Test("a hold that is renewed while a booking waits for its row: it is still held")
    func renewedMeanwhile() async throws {
        try await withRace { fixture in
            let scene = try await Scene(fixture, .heldByAnnUntilJustNow)
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
        var fixture: Fixture
        let slot: Slot
        let ann: Patient
        let ben: Patient
        /// Cat's, if there is one.
        let appointment: String?

        init(_ fixture: Fixture, _ start: Start) async throws {
            self.fixture = fixture
            slot = try await fixture.slots(1)[0]
            ann = try await fixture.patient(named: "ann")
            ben = try await fixture.patient(named: "ben")
            let cat = try await fixture.patient(named: "cat")
            switch start {
            case .free: break
            case .heldByAnn: _ = try await fixture.hold(slot, for: ann)
            case .heldByAnnUntilJustNow:
                _ = try await fixture.hold(slot, for: ann)
                try await fixture.endTime(ofHoldOn: slot)
            case .bookedByCat:
                appointment = try await fixture.booked(slot, for: cat)
                return
            }
            appointment = nil
        }

        /// Has the second step come while the first one, which writes, has the slot's lock: what that
        /// does last keeps it waiting. It comes to another instance: within one, who books stands behind
        /// who books without asking the database.
        func takeTogether(_ first: Step, _ second: Step, _ version: Int) async throws -> [String] {
            let database = fixture.service.database
            let sessions = Sessions(of: database)
            let told = Mutex<[String]>([])
            try await withService(on: database, database.service) { elsewhere in
                var there = self
                there.fixture = fixture.moved(to: elsewhere)
                try await holding(
                    "LOCK TABLE journal IN SHARE ROW EXCLUSIVE MODE", in: database
                ) { [there] hold in
                    async let one = take(first, version)
                    try await sessions.wait(until: .blocked)
                    async let other = there.take(second, version)
                    try await sessions.wait(until: .blocked, 2)
                    hold.release()
                    let answers = try await [one, other]
                    told.withLock { $0 = answers }
                }
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
                case .cancel: try await fixture.cancel(try #require(appointment))
                case .block:
                    try await fixture.send(
                        "PATCH", path, as: fixture.admin, #"{"status": "busy-unavailable"}"#,
                        version: "\(version)")
                }
            return answer.problemCode ?? "\(answer.status)"
        }
    }
}
