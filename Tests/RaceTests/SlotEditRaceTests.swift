import Clinic
import FoundationEssentials
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting
import Testing

@Suite("An administrator who edits the slot that a patient books", .serialized)
struct SlotEditRaceTests {
    /// What an administrator does to a slot, and what a patient who comes behind it is told.
    struct Edit: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let method: String
        let body: String?
        /// Nil: the booking succeeds.
        let refusal: String?

        func inYear(_ year: Int) -> Edit {
            Edit(
                testDescription: testDescription, method: method,
                body: body?.replacing("2031", with: "\(year)"), refusal: refusal)
        }
    }

    static let edits = [
        Edit(
            testDescription: "blocks it", method: "PATCH",
            body: #"{"status": "busy-unavailable"}"#, refusal: "slot_unavailable"),
        Edit(
            testDescription: "moves it", method: "PATCH",
            body: #"{"starts_at": "2031-01-01T09:00:00Z", "ends_at": "2031-01-01T09:15:00Z"}"#,
            refusal: nil),
        Edit(
            testDescription: "deletes it", method: "DELETE", body: nil, refusal: "slot_not_found"),
    ]

    @Test(
        "while the booking is under way: the edit waits, and finds another version",
        arguments: edits)
    func bookingFirst(_ edit: Edit) async throws {
        try await withScene { scene in
            // What the booking writes last keeps it waiting, with the slot locked.
            try await holding("LOCK TABLE outbox IN SHARE ROW EXCLUSIVE MODE", in: scene.db) {
                hold in
                async let booking = scene.book()
                try await scene.sessions.wait(until: .blocked)
                async let edited = scene.make(edit)
                try await scene.sessions.wait(until: .blocked, 2)
                hold.release()
                #expect(try await booking.status == 201)
                #expect(try await edited.problemCode == "version_conflict")
            }
        }
    }

    @Test(
        "while the edit is under way: the booking waits, and finds what the slot became",
        arguments: edits)
    func editFirst(_ edit: Edit) async throws {
        try await withScene { scene in
            // What the edit writes last. The booking reads no journal before it has its slot.
            try await holding("LOCK TABLE journal IN SHARE ROW EXCLUSIVE MODE", in: scene.db) {
                hold in
                async let edited = scene.make(edit)
                try await scene.sessions.wait(until: .blocked)
                async let booking = scene.book()
                try await scene.sessions.wait(until: .blocked, 2)
                hold.release()
                #expect(try await [200, 204].contains(edited.status))
                let booked = try await booking
                #expect(booked.problemCode == edit.refusal)
                if edit.refusal == nil {
                    // The patient is told the time that it is now.
                    #expect(try booked.json["starts_at"]?.text == "2031-01-01T09:00:00Z")
                }
            }
        }
    }

    @Test("100 races for each edit: one truth, whoever was first", arguments: edits)
    func races(_ edit: Edit) async throws {
        try await withScene { scene in
            for (number, slot) in try await scene.moreSlots(100).enumerated() {
                // Each slot is moved to a day of its own.
                let edit = edit.inYear(2031 + number)
                let barrier = Barrier(2)
                async let booking = barrier.passed { try await scene.book(slot) }
                async let edited = barrier.passed { try await scene.make(edit, on: slot) }
                let (booked, changed) = (try await booking, try await edited)
                switch (booked.status, changed.status) {
                // The edit came too late; or the booking did.
                case (201, 412): break
                case (409, 200), (404, 204): #expect(booked.problemCode == edit.refusal)
                // Moved, to where nothing else is, and booked there.
                case (201, 200): #expect(edit.refusal == nil)
                default: Issue.record("\(booked.status) \(booked.body) \(changed.body)")
                }
            }
        }
    }

    private func withScene(_ body: @Sendable (Scene) async throws -> Void) async throws {
        try await withService(configure: { $0.lockTimeout = .seconds(60) }) { service in
            let scene = try await Scene(service)
            try await body(scene)
            let report = try await Verification(store: service.store).run()
            #expect(report.breaches.isEmpty)
        }
    }
}

private struct Scene: Sendable {
    let fixture: Fixture
    private let slot: UUID
    private let patient: Patient

    init(_ service: Service) async throws {
        fixture = try await Fixture(service)
        slot = try await fixture.slots(1)[0].id
        patient = try await fixture.patients(1)[0]
    }

    var db: TestDatabase { fixture.service.database }
    var sessions: Sessions { Sessions(of: db) }

    func moreSlots(_ count: Int) async throws -> [UUID] {
        try await fixture.slots(count, from: Date(timeIntervalSinceNow: 10 * 86_400)).map(\.id)
    }

    func book(_ slot: UUID? = nil) async throws -> Answer {
        try await fixture.book(slot ?? self.slot, as: patient)
    }

    func make(_ edit: SlotEditRaceTests.Edit, on slot: UUID? = nil) async throws -> Answer {
        try await fixture.service.send(
            edit.method, fixture.path("slots/\((slot ?? self.slot).text)"), token: fixture.admin,
            body: edit.body, headers: ["If-Match": "\"1\""])
    }
}

extension Barrier {
    /// Calls `body` when all have arrived.
    fileprivate nonisolated func passed<Result: Sendable>(
        _ body: @Sendable () async throws -> Result
    ) async throws -> Result {
        await arrive()
        return try await body()
    }
}
