import FoundationEssentials
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting
import Testing

@testable import Clinic

/// Batches made on purpose: one booking is held up in its transaction, and those that come meanwhile go
/// together when it is let go.
@Suite("The queue of bookings", .timeLimit(.minutes(30)))
struct BookingQueueTests {
    @Test("every outcome in one batch: each request gets its own, in one transaction")
    func everyOutcome() async throws {
        try await withQueue { fixture in
            let scene = try await Scene(fixture)
            let slots = try await fixture.slots(
                12, from: Date(timeIntervalSinceNow: 172_800), by: fixture.colleague())
            let group = try await fixture.slots(
                1, capacity: 2, from: Date(timeIntervalSinceNow: 345_600))[0]
            let patients = try await fixture.patients(12)
            _ = try await fixture.booked(slots[0], for: patients[0])
            _ = try await fixture.hold(slots[1], for: patients[0])
            try await scene.block(slots[2])
            try await fixture.shift(slots[3], toStartIn: -60)
            let lock = try await fixture.lock(patients[7].id)

            let (outcomes, commits) = try await scene.batch([
                scene.request(slots[0], patients[1]),
                scene.request(slots[1], patients[1]),
                scene.request(slots[2], patients[1]),
                scene.request(slots[3], patients[1]),
                scene.request(UUID(), patients[1].id),
                scene.request(slots[5].id, UUID()),
                scene.request(slots[5], patients[1]),
                scene.request(slots[5], patients[2]),
                scene.request(slots[1], patients[0]),
                scene.request(group, patients[3]),
                scene.request(group, patients[4]),
                scene.request(group, patients[5]),
                scene.request(slots[6].id, patients[7].id, lock: lock.token),
                scene.request(slots[7].id, patients[6].id, lock: lock.token),
                scene.request(slots[8], patients[3]),
            ])
            #expect(
                outcomes == [
                    "slotTaken", "slotHeld", "slotUnavailable", "slotInPast", "slotNotFound",
                    "patientNotFound", "booked", "slotTaken", "booked", "booked", "booked",
                    "slotTaken", "booked", "lockLost", "booked",
                ])
            // One for whoever held up the others, one for the batch, none for a refusal.
            #expect(commits == 2)
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("one patient, two overlapping slots in one batch: the first is booked, the second is not")
    func busyByTheBatch() async throws {
        try await withQueue { fixture in
            let scene = try await Scene(fixture)
            let start = Date(timeIntervalSinceNow: 172_800)
            let here = try await fixture.slots(1, from: start)[0]
            let there = try await fixture.slots(1, from: start, by: fixture.colleague())[0]
            let patient = try await fixture.patient(named: "ann")
            let outcomes = try await scene.inOneBatch([
                scene.request(here, patient), scene.request(there, patient),
            ])
            #expect(outcomes == ["booked", "patientBusy"])
        }
    }

    @Test("a request that breaks its batch takes nobody down with it")
    func poison() async throws {
        try await withQueue { fixture in
            let scene = try await Scene(fixture)
            try await fixture.service.database.owner.transaction { tx in
                try tx.execute(
                    "ALTER TABLE appointments ADD CONSTRAINT poison CHECK (reason <> 'poison')")
            }
            let slots = try await fixture.slots(9, from: Date(timeIntervalSinceNow: 172_800))
            let patients = try await fixture.patients(9)
            let outcomes = try await scene.inOneBatch(
                zip(slots, patients).enumerated().map { place, pair in
                    scene.request(
                        pair.0.id, pair.1.id, reason: place == 4 ? "poison" : "a visit")
                })
            #expect(outcomes.filter { $0 == "booked" }.count == 8)
            #expect(outcomes[4] == "failed")
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test(
        "a slot that an administrator has locked: only those who want it wait, over one connection")
    func lockedElsewhere() async throws {
        try await withQueue { fixture in
            let slots = try await fixture.slots(3)
            let patients = try await fixture.patients(40)
            let database = fixture.service.database
            let sessions = Sessions(of: database)
            try await holding(
                "SELECT FROM slots WHERE id = \(slots[0].id) FOR UPDATE", in: database
            ) { hold in
                try await withThrowingTaskGroup { group in
                    for patient in patients.dropLast(2) {
                        group.addTask { try await fixture.book(slots[0].id, as: patient).status }
                    }
                    try await sessions.wait(until: .blocked)
                    #expect(try await fixture.book(slots[1].id, as: patients[38]).status == 201)
                    #expect(try await fixture.book(slots[2].id, as: patients[39]).status == 201)
                    #expect(try await sessions.count(.blocked) == 1)
                    hold.release()
                    let answers = try await group.reduce(into: []) { $0.append($1) }
                    #expect(answers.count { $0 == 201 } == 1)
                    #expect(answers.count { $0 == 409 } == 37)
                }
            }
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("three locked slots: two are waited for, and nobody else's booking waits")
    func lateAtMost() async throws {
        try await withQueue { fixture in
            let slots = try await fixture.slots(4)
            let patients = try await fixture.patients(4)
            let database = fixture.service.database
            let sessions = Sessions(of: database)
            let locked = slots.prefix(3).map(\.id)
            try await holding(
                "SELECT FROM slots WHERE id = ANY(\(locked)) FOR UPDATE", in: database
            ) { hold in
                async let late = withThrowingTaskGroup { group in
                    for (slot, patient) in zip(slots, patients).prefix(3) {
                        group.addTask { try await fixture.book(slot.id, as: patient).status }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                try await sessions.wait(until: .blocked, 2)
                #expect(try await fixture.book(slots[3].id, as: patients[3]).status == 201)
                #expect(try await sessions.count(.blocked) == 2)
                hold.release()
                #expect(try await late == [201, 201, 201])
            }
        }
    }

    @Test("a clinic whose batch is held up keeps the other clinics from nothing")
    func clinicsApart() async throws {
        try await withQueue { fixture in
            let scene = try await Scene(fixture)
            let other = try await Fixture(fixture.service, named: "Rosenhof")
            let slot = try await other.slots(1)[0]
            let patient = try await other.patient(named: "ann")
            try await scene.heldUp { _ in
                let booking = try await scene.booking.book(
                    BookingRequest(
                        slotID: slot.id, patientID: patient.id, reason: nil,
                        author: Fixture.author),
                    in: other.clinic.id)
                #expect(booking.slotID == slot.id)
            }
        }
    }

    @Test("one booking too many in the line is refused at once")
    func bounded() async throws {
        try await withQueue { fixture in
            let scene = try await Scene(fixture, waitingLimit: 4)
            let slots = try await fixture.slots(3, from: Date(timeIntervalSinceNow: 172_800))
            let patient = try await fixture.patient(named: "ann")
            try await scene.heldUp { hold in
                async let one = scene.outcome(of: scene.request(slots[0], patient))
                async let two = scene.outcome(of: scene.request(slots[1], patient))
                try await scene.wait(untilWaiting: 2)
                #expect(await scene.outcome(of: scene.request(slots[2], patient)) == "overloaded")
                hold.release()
                #expect(await [one, two] == ["booked", "booked"])
            }
        }
    }

    @Test("keys in one batch: each answer is kept, a duplicate replays it, another body is refused")
    func keys() async throws {
        try await withQueue { fixture in
            let scene = try await Scene(fixture)
            let slots = try await fixture.slots(4, from: Date(timeIntervalSinceNow: 172_800))
            let patients = try await fixture.patients(4)
            let requests = zip(slots, patients).map { scene.request($0, $1) }
            let first = try await scene.inOneBatch(requests, keys: ["a", "b", "c", "d"])
            #expect(first == ["booked", "booked", "booked", "booked"])
            let again = try await scene.inOneBatch(
                requests, keys: ["a", "b", "c", "a"], waitingFor: 3)
            #expect(again == ["replayed a", "replayed b", "replayed c", "reused"])
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test(
        "a key that another instance has in hand: its booking goes alone and is given that answer")
    func keyElsewhere() async throws {
        try await withQueue { fixture in
            let here = try await Scene(fixture)
            let there = try await Scene(fixture)
            let slots = try await fixture.slots(2, from: Date(timeIntervalSinceNow: 172_800))
            let patients = try await fixture.patients(2)
            let request = here.request(slots[0], patients[0])
            let database = fixture.service.database
            try await holding(
                "LOCK TABLE journal IN SHARE ROW EXCLUSIVE MODE", in: database
            ) { hold in
                async let one = there.outcome(of: request, key: "k")
                try await Sessions(of: database).wait(until: .blocked)
                async let same = here.outcome(of: request, key: "k")
                // It waits for the key, which is an advisory lock of the other one's.
                try await Sessions(of: database).wait(until: .blocked, 2)
                hold.release()
                #expect(await one == "booked")
                #expect(await same == "replayed k")
            }
            let neighbour = here.request(slots[1], patients[1])
            #expect(await here.outcome(of: neighbour, key: "n") == "booked")
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("1,000 clients on one slot of three seats: three book, each loser gets its alternatives")
    func storm() async throws {
        try await withQueue { fixture in
            let scene = try await Scene(fixture)
            let start = Date(timeIntervalSinceNow: 172_800)
            let slots = try await fixture.slots(8, capacity: 3, from: start)
            let patients = try await fixture.patients(1000)
            let refusals = await withTaskGroup { group in
                for patient in patients {
                    group.addTask { await scene.refusal(of: scene.request(slots[0], patient)) }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(refusals.count { $0 == nil } == 3)
            let others = slots.dropFirst().prefix(5).map(\.id)
            let losers = refusals.compactMap(\.self)
            #expect(losers.allSatisfy { $0.refusal == .slotTaken })
            #expect(losers.allSatisfy { $0.alternatives.map(\.id) == others })
            #expect(try await fixture.breaches() == [])
        }
    }
}

/// A clinic whose transactions wait for locks as long as a test may take.
private func withQueue(_ body: @Sendable @escaping (Fixture) async throws -> Void) async throws {
    try await withService(configure: { $0.lockTimeout = .seconds(60) }) { service in
        try await body(Fixture(service))
    }
}

/// A service of its own on the fixture's database, as another instance would be.
private struct Scene: Sendable {
    let fixture: Fixture
    let booking: BookingService
    private let slot: Slot
    private let patient: Patient

    init(_ fixture: Fixture, waitingLimit: Int = 4096) async throws {
        self.fixture = fixture
        booking = BookingService(
            store: Store(database: fixture.service.store.database, environment: .quiet),
            waitingLimit: waitingLimit)
        slot = try await fixture.slots(1, by: fixture.colleague())[0]
        patient = try await fixture.patient(named: "blocker\(UUID().text.prefix(8))")
    }

    func request(_ slot: Slot, _ patient: Patient) -> BookingRequest {
        request(slot.id, patient.id)
    }

    func request(
        _ slot: UUID, _ patient: UUID, reason: String? = nil, lock: UUID? = nil
    ) -> BookingRequest {
        BookingRequest(
            slotID: slot, patientID: patient, reason: reason, author: Fixture.author, lock: lock)
    }

    func markers() async throws -> Int {
        try await fixture.service.database.owner.read { tx in
            tx.pipeline.one(Scalar<Int>.self, "SELECT count(*) FROM markers")
        }.value
    }

    func block(_ slot: Slot) async throws {
        _ = try await fixture.send(
            "PATCH", "slots/\(slot.id.text)", as: fixture.admin,
            #"{"status": "busy-unavailable"}"#, version: "\(fixture.now(slot).version)")
    }

    /// Calls `body` while a booking of this clinic is in its transaction and cannot go on.
    func heldUp(_ body: @Sendable @escaping (Hold) async throws -> Void) async throws {
        let database = fixture.service.database
        try await holding(
            "SELECT FROM patients WHERE id = \(patient.id) FOR UPDATE", in: database
        ) { hold in
            async let first = outcome(of: request(slot, patient))
            try await Sessions(of: database).wait(until: .blocked)
            try await body(hold)
            hold.release()
            #expect(await first == "booked")
        }
    }

    /// Has the requests come while a booking is held up, in this order.
    func inOneBatch(
        _ requests: [BookingRequest], keys: [String]? = nil, waitingFor count: Int? = nil
    ) async throws -> [String] {
        try await batch(requests, keys: keys, waitingFor: count).outcomes
    }

    /// - Returns: What each is told; how many transactions were committed, that which was held up included.
    func batch(
        _ requests: [BookingRequest], keys: [String]? = nil, waitingFor count: Int? = nil
    ) async throws -> (outcomes: [String], commits: Int) {
        let outcomes = Outcomes(count: requests.count)
        let scene = try await Scene(sharing: self)
        let before = try await markers()
        try await scene.heldUp { hold in
            try await withThrowingTaskGroup { group in
                for (place, request) in requests.enumerated() {
                    let ahead = booking.waiting
                    group.addTask {
                        await outcomes.set(
                            place, outcome(of: request, key: keys.map { $0[place] }))
                    }
                    if place < count ?? requests.count {
                        try await wait(untilWaiting: ahead + 1)
                    }
                }
                hold.release()
                try await group.waitForAll()
            }
        }
        return (await outcomes.all, try await markers() - before)
    }

    /// The same service, with a patient of its own to be held up.
    private init(sharing other: Scene) async throws {
        fixture = other.fixture
        booking = other.booking
        slot = try await fixture.slots(1, by: fixture.colleague())[0]
        patient = try await fixture.patient(named: "blocker\(UUID().text.prefix(8))")
    }

    /// - Throws: If it never comes to that.
    func wait(untilWaiting count: Int) async throws {
        let end = ContinuousClock.now + .seconds(60)
        while booking.waiting < count {
            guard .now < end else { throw Fixture.Mishap() }
            await Task.yield()
        }
    }

    /// Why it was refused; nil if it was booked.
    func refusal(of request: BookingRequest) async -> BookingRefused? {
        do {
            _ = try await booking.book(request, in: fixture.clinic.id)
            return nil
        } catch {
            return error as? BookingRefused
        }
    }

    func outcome(of request: BookingRequest, key: String? = nil) async -> String {
        do {
            let once = key.map { key in
                Once<Appointment>(
                    IdempotentRequest(
                        in: fixture.clinic.id, by: .subject("ann"), key: key,
                        content: "\(request.slotID) \(request.patientID)")
                ) { _ in StoredAnswer(status: 201, body: key) }
            }
            _ = try await booking.book(request, in: fixture.clinic.id, once: once)
            return "booked"
        } catch let refused as BookingRefused {
            return "\(refused.refusal)".prefix { $0 != "(" }.description
        } catch let unavailable as Unavailable {
            return "\(unavailable.reason)"
        } catch let earlier as Replayed {
            return "replayed \(earlier.answer.body)"
        } catch is IdempotencyKeyReused {
            return "reused"
        } catch {
            return "failed"
        }
    }
}

private actor Outcomes {
    private(set) var all: [String]

    init(count: Int) { all = Array(repeating: "", count: count) }

    func set(_ place: Int, _ outcome: String) { all[place] = outcome }
}
