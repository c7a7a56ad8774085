import Clinic
import FoundationEssentials
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting
import Synchronization
import Testing

@Suite("Patients who want the same slot at the same moment, of two instances", .serialized)
struct BookingRaceTests {
    @Test("500 clients, one slot: one books, 499 are offered others")
    func oneSlot() async throws {
        try await withService(environment: .served) { service in
            let fixture = try await Fixture(service)
            let slots = try await fixture.slots(8)
            let answers = try await race(
                fixture, try await fixture.patients(500).map { (slots[0].id, $0) })

            #expect(answers.count { $0.status == 201 } == 1)
            let losers = answers.filter { $0.status != 201 }
            #expect(losers.allSatisfy { $0.status == 409 && $0.problemCode == "slot_taken" })
            let others = Set(slots.dropFirst().prefix(5).map(\.id.text))
            for loser in losers {
                let alternatives = try #require(try loser.json["alternatives"]?.list)
                #expect(Set(alternatives.compactMap { $0["id"]?.text }) == others)
            }
            try await expectConsistent(service, appointments: 1)
        }
    }

    @Test("200 slots with 5 contenders each: 200 bookings")
    func manySlots() async throws {
        try await withService(environment: .served) { service in
            let fixture = try await Fixture(service)
            let slots = try await fixture.slots(200)
            let patients = try await fixture.patients(1000)
            let wishes = patients.enumerated().map { (slots[$0 % 200].id, $1) }.shuffled()
            let answers = try await race(fixture, wishes)

            #expect(answers.count { $0.status == 201 } == 200)
            #expect(answers.count { $0.problemCode == "slot_taken" } == 800)
            try await expectConsistent(service, appointments: 200)
        }
    }

    @Test("a group slot of 30 seats, 100 contenders: seats 1 to 30, each once")
    func groupSlot() async throws {
        try await withService(environment: .served) { service in
            let fixture = try await Fixture(service)
            let slot = try #require(try await fixture.slots(1, capacity: 30).first)
            let answers = try await race(
                fixture, try await fixture.patients(100).map { (slot.id, $0) })

            #expect(answers.count { $0.status == 201 } == 30)
            let seats = try await service.database.owner.read { tx in
                tx.pipeline.all(Scalar<Int>.self, "SELECT seat FROM appointments ORDER BY seat")
            }
            #expect(seats.map(\.value) == Array(1...30))
            try await expectConsistent(service, appointments: 30)
        }
    }

    @Test("one patient, two practitioners, the same time: one appointment, one patient_busy")
    func onePatientTwice() async throws {
        try await withService(environment: .served) { service in
            for _ in 1...20 {
                let one = try await Fixture(service)
                let start = Date(timeIntervalSinceNow: 86_400)
                let first = try await one.slots(1, from: start)
                let colleague = try await CalendarService(store: service.store).createPractitioner(
                    name: "Dr. Bruno Brandt", specialty: "cardiology", in: one.clinic.id,
                    by: Fixture.author)
                let second = try await CalendarService(store: service.store).createSlots(
                    [
                        try SlotDraft(
                            practitionerID: colleague.id,
                            startsAt: first[0].startsAt.addingTimeInterval(300),
                            endsAt: first[0].endsAt.addingTimeInterval(300))
                    ],
                    in: one.clinic.id, by: Fixture.author)
                let patient = try #require(try await one.patients(1).first)
                let answers = try await race(one, (first + second).map { ($0.id, patient) })
                #expect(answers.map(\.status).sorted() == [201, 409])
                #expect(answers.compactMap(\.problemCode) == ["patient_busy"])
            }
            try await expectConsistent(service, appointments: 20)
        }
    }

    @Test("the lock alone: without the constraints a slot is still booked once")
    func lockAlone() async throws {
        try await withService { service in
            try await service.database.owner.transaction { tx in
                try tx.execute("ALTER TABLE appointments DROP CONSTRAINT appointment_one_per_seat")
                try tx.execute("ALTER TABLE slots DROP CONSTRAINT slot_booked_within_capacity")
            }
            let fixture = try await Fixture(service)
            let slot = try await fixture.slots(1)[0]
            let patients = try await fixture.patients(2)
            let database = service.database
            try await withService(on: database, database.service) { elsewhere in
                let there = fixture.moved(to: elsewhere)
                try await holding(
                    "LOCK TABLE journal IN SHARE ROW EXCLUSIVE MODE", in: database
                ) { hold in
                    // The first one has the slot's lock, and cannot commit.
                    async let one = fixture.book(slot.id, as: patients[0])
                    try await Sessions(of: database).wait(until: .blocked)
                    async let other = there.book(slot.id, as: patients[1])
                    try await Sessions(of: database).wait(until: .blocked, 2)
                    hold.release()
                    #expect(try await one.status == 201)
                    #expect(try await other.problemCode == "slot_taken")
                }
            }
            try await expectConsistent(service, appointments: 1)
        }
    }
}

/// Sends all wishes at once, every other one to a second instance: within one, a slot is in one transaction at
/// a time, and the database has nothing to decide.
private func race(_ fixture: Fixture, _ wishes: [(slot: UUID, patient: Patient)]) async throws
    -> [Answer]
{
    let answers = Mutex<[Answer]>([])
    let database = fixture.service.database
    try await withService(on: database, database.service, environment: .served) { elsewhere in
        let fixtures = [fixture, fixture.moved(to: elsewhere)]
        let barrier = Barrier(wishes.count)
        try await withThrowingTaskGroup { group in
            for (place, wish) in wishes.enumerated() {
                group.addTask {
                    await barrier.arrive()
                    return try await fixtures[place % 2].book(wish.slot, as: wish.patient)
                }
            }
            for try await answer in group { answers.withLock { $0.append(answer) } }
        }
    }
    return answers.withLock { $0 }
}

/// Whatever was raced, the data keeps every rule.
private func expectConsistent(_ service: Service, appointments: Int) async throws {
    let report = try await Verification(store: service.store).run()
    #expect(report.breaches == [])
    let count = try await service.database.owner.read { tx in
        tx.pipeline.one(Scalar<Int>.self, "SELECT count(*) FROM appointments")
    }
    #expect(count.value == appointments)
}
