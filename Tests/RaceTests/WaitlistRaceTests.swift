import Clinic
import FoundationEssentials
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting
import Testing

@Suite("A seat that becomes free, and who wants it", .serialized, .timeLimit(.minutes(30)))
struct WaitlistRaceTests {
    @Test("16 thieves try to book the seat that is freed, 500 rounds: who waited has it every time")
    func thieves() async throws {
        try await withRace { fixture in
            let patients = try await fixture.patients(18)
            let tokens = try await withThrowingTaskGroup { group in
                for patient in patients.dropFirst(2) {
                    group.addTask { try await fixture.token(of: patient) }
                }
                return try await group.reduce(into: [String]()) { $0.append($1) }
            }
            let slots = try await fixture.slots(500)
            for slot in slots {
                let id = try await fixture.booked(slot, for: patients[0])
                let entry = try await fixture.wait(patients[1], from: slot)
                let answers = try await withThrowingTaskGroup { group in
                    let barrier = Barrier(17)
                    for token in tokens {
                        group.addTask {
                            await barrier.arrive()
                            return try await fixture.send(
                                "POST", "appointments", as: token,
                                #"{"slot_id": "\#(slot.id.text)"}"#)
                        }
                    }
                    group.addTask {
                        await barrier.arrive()
                        return try await fixture.cancel(id)
                    }
                    return try await group.reduce(into: [Answer]()) { $0.append($1) }
                }
                #expect(answers.count { $0.status == 200 } == 1)
                #expect(answers.count { $0.problemCode == "slot_taken" } == 16)
                #expect(try await fixture.entry(entry).status == .promoted)
            }
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test(
        "joining while the seat is freed, 500 rounds: never a free seat and somebody who wants it")
    func joining() async throws {
        try await withRace { fixture in
            let patients = try await fixture.patients(4)
            for slot in try await fixture.slots(500) {
                let id = try await fixture.booked(slot, for: patients[0])
                async let cancelled = fixture.cancel(id)
                async let first = fixture.wait(patients[1], from: slot)
                async let second = fixture.wait(patients[2], from: slot)
                #expect(try await cancelled.status == 200)
                let entries = [
                    try await fixture.entry(first), try await fixture.entry(second),
                ]
                #expect(Set(entries.map(\.status)) == [.promoted, .waiting])
                #expect(try await fixture.now(slot).status == .busy)
                // Who came first has it.
                let order = entries.sorted { $0.createdAt < $1.createdAt }
                #expect(order.map(\.status) == [.promoted, .waiting])
                try await fixture.waitNoMore()
            }
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("8 who join while 4 seats are freed, 100 rounds: 4 have one, and no seat is left")
    func manyJoin() async throws {
        try await withRace { fixture in
            let patients = try await fixture.patients(12)
            for slot in try await fixture.slots(100, capacity: 4) {
                var ids: [String] = []
                for patient in patients.prefix(4) {
                    ids.append(try await fixture.booked(slot, for: patient))
                }
                let barrier = Barrier(12)
                try await withThrowingTaskGroup { group in
                    for id in ids {
                        group.addTask {
                            await barrier.arrive()
                            return try await fixture.cancel(id).status == 200
                        }
                    }
                    for patient in patients.dropFirst(4) {
                        group.addTask {
                            await barrier.arrive()
                            return try await fixture.wait(patient, from: slot).status == 201
                        }
                    }
                    for try await isFine in group { #expect(isFine) }
                }
                #expect(try await fixture.now(slot).booked == 4)
                try await fixture.waitNoMore()
            }
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test(
        "one waits for two slots that are freed at once, 200 rounds: one seat for it, one for the next"
    )
    func twoSeats() async throws {
        try await withRace { fixture in
            let colleague = try await fixture.colleague()
            let patients = try await fixture.patients(4)
            let slots = try await fixture.slots(200)
            let others = try await fixture.slots(200, from: slots[0].startsAt, by: colleague)
            for (slot, other) in zip(slots, others) {
                let ids = [
                    try await fixture.booked(slot, for: patients[0]),
                    try await fixture.booked(other, for: patients[1]),
                ]
                // Any of the two would do, and they are at the same time.
                let first = try await fixture.wait(patients[2], from: slot)
                let next = try await fixture.wait(patients[3], from: slot)
                async let one = fixture.cancel(ids[0])
                async let two = fixture.cancel(ids[1])
                #expect(try await [one.status, two.status] == [200, 200])
                #expect(try await fixture.entry(first).status == .promoted)
                #expect(try await fixture.entry(next).status == .promoted)
            }
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("two seats at different times that are freed at once: one wish has one of them")
    func oneWish() async throws {
        try await withRace { fixture in
            let patients = try await fixture.patients(4)
            let slots = try await fixture.slots(2)
            let ids = [
                try await fixture.booked(slots[0], for: patients[0]),
                try await fixture.booked(slots[1], for: patients[1]),
            ]
            // The first would have either, the next one only the second.
            let first = try await fixture.wait(patients[2], from: slots[0], to: slots[1])
            let next = try await fixture.wait(patients[3], from: slots[1])
            let sessions = Sessions(of: fixture.service.database)
            // What a promotion writes last keeps the first one waiting, with the wish in hand.
            try await holding(
                "LOCK TABLE waitlist IN SHARE MODE", in: fixture.service.database
            ) { hold in
                async let one = fixture.cancel(ids[0])
                try await sessions.wait(until: .blocked)
                async let other = fixture.cancel(ids[1])
                try await sessions.wait(until: .blocked, 2)
                hold.release()
                #expect(try await [one.status, other.status] == [200, 200])
            }
            let given = [try await fixture.entry(first), try await fixture.entry(next)]
            #expect(given.map(\.status) == [.promoted, .promoted])
            #expect(given.map(\.version) == [2, 2])
            #expect(
                try await fixture.appointments(in: slots[0]).map(\.patientID) == [patients[2].id])
            #expect(
                try await fixture.appointments(in: slots[1]).map(\.patientID) == [patients[3].id])
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("who begins to wait in that moment, 200 rounds: has the seat all the same")
    func beginningToWait() async throws {
        try await withRace { fixture in
            let colleague = try await fixture.colleague()
            let patients = try await fixture.patients(2)
            let slots = try await fixture.slots(200)
            let others = try await fixture.slots(200, from: slots[0].startsAt, by: colleague)
            for (slot, other) in zip(slots, others) {
                let wanted = try await fixture.booked(slot, for: patients[0])
                let inTheWay = try await fixture.booked(other, for: patients[1])
                async let joined = fixture.wait(
                    patients[1], from: slot, practitioner: fixture.practitioner.id)
                async let two = fixture.cancel(inTheWay)
                async let one = fixture.cancel(wanted)
                #expect(try await [one.status, two.status] == [200, 200])
                #expect(try await fixture.entry(joined).status == .promoted)
            }
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("two patients who wait for two doctors whose time off ends at once, 50 rounds")
    func crosswise() async throws {
        try await withRace { fixture in
            let colleague = try await fixture.colleague()
            let patients = try await fixture.patients(2)
            let slots = try await fixture.slots(200)
            let others = try await fixture.slots(200, from: slots[0].startsAt, by: colleague)
            for round in 0..<50 {
                let mine = Array(slots[round * 4..<round * 4 + 4])
                let theirs = Array(others[round * 4..<round * 4 + 4])
                let ids = [
                    try await fixture.timeOff(mine[0].startsAt, mine[3].endsAt).id,
                    try await fixture.timeOff(mine[0].startsAt, mine[3].endsAt, of: colleague).id,
                ]
                let wishes = [
                    (patients[0], mine[0], fixture.practitioner.id),
                    (patients[1], theirs[1], colleague),
                    (patients[1], mine[2], fixture.practitioner.id),
                    (patients[0], theirs[3], colleague),
                ]
                for (patient, slot, practitioner) in wishes {
                    _ = try await fixture.wait(patient, from: slot, practitioner: practitioner)
                }
                async let one = fixture.send("DELETE", "time-off/\(ids[0])", as: fixture.admin)
                async let other = fixture.send("DELETE", "time-off/\(ids[1])", as: fixture.admin)
                #expect(try await [one.status, other.status] == [204, 204])
            }
            #expect(try await fixture.deadlocks() == 0)
            let waiting = try await fixture.send("GET", "waitlist?status=waiting")
            #expect(try waiting.json["items"] == .list([]))
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("the one who waits and cancels something else meanwhile, 200 rounds: has the seat")
    func becomingFree() async throws {
        try await withRace { fixture in
            let colleague = try await fixture.colleague()
            let patients = try await fixture.patients(2)
            let slots = try await fixture.slots(200)
            let others = try await fixture.slots(200, from: slots[0].startsAt, by: colleague)
            for (slot, other) in zip(slots, others) {
                let wanted = try await fixture.booked(slot, for: patients[0])
                let inTheWay = try await fixture.booked(other, for: patients[1])
                let entry = try await fixture.wait(
                    patients[1], from: slot, practitioner: fixture.practitioner.id)
                async let one = fixture.cancel(wanted)
                async let two = fixture.cancel(inTheWay)
                #expect(try await [one.status, two.status] == [200, 200])
                #expect(try await fixture.entry(entry).status == .promoted)
            }
            #expect(try await fixture.breaches() == [])
        }
    }
}

extension Fixture {
    /// Ends the wishes that a round has left, so that the next one meets no limit.
    fileprivate func waitNoMore() async throws {
        let list = try await send("GET", "waitlist?status=waiting")
        for entry in try list.json["items"]?.list ?? [] {
            let left = try await send("DELETE", "waitlist/\(entry["id"]?.text ?? "none")")
            #expect(left.status == 204)
        }
    }
}
