import Clinic
import FoundationEssentials
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting
import Testing

@Suite("Patients who move at the same moment", .serialized, .timeLimit(.minutes(30)))
struct MoveRaceTests {
    @Test("2 patients who swap slots, 1,000 rounds: an answer each, no seat lost or doubled")
    func swap() async throws {
        try await withRace { fixture in
            let slots = try await fixture.slots(2)
            let patients = try await fixture.patients(2)
            let ids = [
                try await fixture.booked(slots[0], for: patients[0]),
                try await fixture.booked(slots[1], for: patients[1]),
            ]
            for _ in 1...1000 {
                async let one = fixture.move(ids[0], to: slots[1])
                async let other = fixture.move(ids[1], to: slots[0])
                let answers = try await [one, other]
                // Each slot has one seat, and both are taken: neither can go first.
                #expect(answers.map(\.problemCode) == ["slot_taken", "slot_taken"])
            }
            #expect(try await fixture.deadlocks() == 0)
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("with a seat to spare they pass each other, 500 rounds, in either direction")
    func pass() async throws {
        try await withRace { fixture in
            let slots = try await fixture.slots(2, capacity: 2)
            let patients = try await fixture.patients(2)
            let ids = [
                try await fixture.booked(slots[0], for: patients[0]),
                try await fixture.booked(slots[1], for: patients[1]),
            ]
            for round in 1...500 {
                async let one = fixture.move(ids[0], to: slots[round % 2])
                async let other = fixture.move(ids[1], to: slots[(round + 1) % 2])
                #expect(try await [one.status, other.status] == [200, 200])
            }
            #expect(try await fixture.now(slots[0]).booked == 1)
            #expect(try await fixture.now(slots[1]).booked == 1)
            #expect(try await fixture.deadlocks() == 0)
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("an appointment that is moved and cancelled at once, 200 rounds: one after the other")
    func moveAndCancel() async throws {
        try await withRace { fixture in
            let slots = try await fixture.slots(2)
            let patient = try await fixture.patients(1)[0]
            for _ in 1...200 {
                let id = try await fixture.booked(slots[0], for: patient)
                async let moved = fixture.move(id, to: slots[1])
                async let cancelled = fixture.cancel(id)
                #expect(try await cancelled.status == 200)
                let move = try await moved
                #expect(move.status == 200 || move.problemCode == "not_active", "\(move.body)")
                #expect(try await fixture.now(slots[0]).status == .free)
                #expect(try await fixture.now(slots[1]).status == .free)
            }
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("capacity 30, 300 contenders: seats 1 to 30, each once")
    func group() async throws {
        try await withRace { fixture in
            let slot = try await fixture.slots(1, capacity: 30)[0]
            let patients = try await fixture.patients(300)
            let barrier = Barrier(300)
            let answers = try await withThrowingTaskGroup { group in
                for patient in patients {
                    group.addTask {
                        await barrier.arrive()
                        return try await fixture.book(slot.id, as: patient)
                    }
                }
                return try await group.reduce(into: [Answer]()) { $0.append($1) }
            }
            #expect(answers.count { $0.status == 201 } == 30)
            #expect(answers.count { $0.problemCode == "slot_taken" } == 270)
            let seats = try await fixture.service.database.owner.read { tx in
                tx.pipeline.all(Scalar<Int>.self, "SELECT seat FROM appointments ORDER BY seat")
            }
            #expect(seats.map(\.value) == Array(1...30))
            #expect(try await fixture.now(slot).status == .busy)
            #expect(try await fixture.breaches() == [])
        }
    }
}

func withRace(_ body: @Sendable @escaping (Fixture) async throws -> Void) async throws {
    try await withService { service in try await body(Fixture(service)) }
}

extension Fixture {
    /// How many deadlocks PostgreSQL has had to break in this database, whoever was told of them.
    func deadlocks() async throws -> Int {
        try await service.database.owner.transaction { tx in
            try tx.execute("SELECT pg_stat_force_next_flush()")
            return try tx.one(
                Scalar<Int>.self,
                """
                SELECT deadlocks
                FROM pg_stat_database
                WHERE datname = current_database()
                """
            ).value
        }
    }
}
