import FoundationEssentials
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting
import Testing

@testable import Clinic

/// Batches in which one booking waits for what the others do not need.
@Suite("A batch and what one of its bookings waits for", .timeLimit(.minutes(30)))
struct BatchPatienceTests {
    @Test("a batch that waits in vain for one patient's sake is late, and has written nothing")
    func patientLocked() async throws {
        try await withPatience(.milliseconds(20)) { fixture, desk in
            let slots = try await fixture.slots(9)
            let patients = try await fixture.patients(9)
            let batch = zip(slots, patients).map { fixture.booking($0, $1) }
            try await holding(
                "SELECT FROM patients WHERE id = \(patients[4].id) FOR UPDATE",
                in: fixture.service.database
            ) { _ in
                let outcomes = await desk.book(
                    batch, in: fixture.clinic.id, waitingForLocks: false)
                #expect(outcomes.allSatisfy { $0 == nil })
                #expect(try await fixture.breaches() == [])
                let free = try await fixture.free(slots)
                #expect(free == 9)
            }
            let outcomes = await desk.book(batch, in: fixture.clinic.id, waitingForLocks: false)
            #expect(outcomes.allSatisfy { $0?.isBooked == true })
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("three seats, late together: one patient's locked row costs the two others nothing")
    func lateForAnotherReason() async throws {
        try await withPatience(nil, lockTimeout: .milliseconds(100)) { fixture, desk in
            let slot = try await fixture.slots(1, capacity: 3)[0]
            let patients = try await fixture.patients(3)
            try await holding(
                "SELECT FROM patients WHERE id = \(patients[0].id) FOR UPDATE",
                in: fixture.service.database
            ) { _ in
                let outcomes = await desk.book(
                    patients.map { fixture.booking(slot, $0) }, in: fixture.clinic.id,
                    waitingForLocks: true)
                #expect(outcomes[0]?.unavailable == .lockTimeout)
                #expect(outcomes.dropFirst().allSatisfy { $0?.isBooked == true })
            }
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("through the queue: who waits for one patient's row holds up nobody else")
    func throughTheQueue() async throws {
        try await withPatience(.milliseconds(20)) { fixture, desk in
            let slots = try await fixture.slots(3)
            let patients = try await fixture.patients(3)
            let booking = BookingService(store: desk.store)
            let clinicID = fixture.clinic.id
            let database = fixture.service.database
            try await holding(
                "SELECT FROM patients WHERE id = \(patients[0].id) FOR UPDATE", in: database
            ) { hold in
                let requests = zip(slots, patients).map { fixture.booking($0, $1).request }
                async let late = booking.book(requests[0], in: clinicID)
                try await Sessions(of: database).wait(until: .blocked)
                _ = try await booking.book(requests[1], in: clinicID)
                _ = try await booking.book(requests[2], in: clinicID)
                hold.release()
                #expect(try await late.patientID == patients[0].id)
            }
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("a Lock-Token that names no lock waits for nobody; one that is being changed waits")
    func lockTokens() async throws {
        try await withPatience(nil) { fixture, desk in
            let slots = try await fixture.slots(2)
            let patient = try await fixture.patient(named: "ann")
            let lock = try await fixture.lock(patient.id)
            let batch = [
                fixture.booking(slots[0], patient, lock: UUID()),
                fixture.booking(slots[1], patient, lock: lock.token),
            ]
            try await holding(
                "SELECT FROM offline_locks WHERE token = \(lock.token) FOR UPDATE",
                in: fixture.service.database
            ) { _ in
                let outcomes = await desk.book(
                    batch, in: fixture.clinic.id, waitingForLocks: false)
                #expect(outcomes[0]?.refusal == .lockLost)
                #expect(outcomes[1] == nil)
            }
            let outcomes = await desk.book(
                [batch[1]], in: fixture.clinic.id, waitingForLocks: false)
            #expect(outcomes[0]?.isBooked == true)
        }
    }

    @Test("a winner whose patient got another appointment meanwhile: the next one has the seat")
    func winnerThatIsNot() async throws {
        try await withPatience(nil) { fixture, desk in
            let start = Date(timeIntervalSinceNow: 172_800)
            let here = try await fixture.slots(1, from: start)[0]
            let there = try await fixture.slots(1, from: start, by: fixture.colleague())[0]
            let patients = try await fixture.patients(3)
            let database = fixture.service.database
            // What refers to the patient waits for this at its end, its appointment written.
            try await holding(
                "SELECT FROM patients WHERE id = \(patients[0].id) FOR UPDATE", in: database
            ) { hold in
                async let elsewhere = desk.book(
                    [fixture.booking(there, patients[0])], in: fixture.clinic.id,
                    waitingForLocks: false)
                try await Sessions(of: database).wait(until: .blocked)
                async let outcomes = desk.book(
                    patients.map { fixture.booking(here, $0) }, in: fixture.clinic.id,
                    waitingForLocks: false)
                // For that appointment, which is not committed yet.
                try await Sessions(of: database).wait(until: .blocked, 2)
                hold.release()
                #expect(await elsewhere[0]?.isBooked == true)
                let found = await outcomes
                #expect(found[0]?.refusal == .patientBusy)
                #expect(found[1]?.isBooked == true)
                #expect(found[2]?.refusal == .slotTaken)
            }
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("winners that are not, three times over: nobody is told that a free slot is taken")
    func winnersOverAndOver() async throws {
        try await withPatience(nil) { fixture, desk in
            let start = Date(timeIntervalSinceNow: 172_800)
            let here = try await fixture.slots(1, from: start)[0]
            let patients = try await fixture.patients(4)
            let database = fixture.service.database
            let sessions = Sessions(of: database)
            var appointments: [Booking] = []
            for patient in patients.dropLast() {
                let there = try await fixture.slots(1, from: start, by: fixture.colleague())[0]
                appointments.append(fixture.booking(there, patient))
            }
            let (first, second, third) = (appointments[0], appointments[1], appointments[2])
            let elsewhere = { @Sendable (booking: Booking) in
                await desk.book([booking], in: fixture.clinic.id, waitingForLocks: true)[0]
            }
            try await holding(lock(first), in: database) { firstHold in
                try await holding(lock(second), in: database) { secondHold in
                    try await holding(lock(third), in: database) { thirdHold in
                        async let one = elsewhere(first)
                        async let two = elsewhere(second)
                        async let three = elsewhere(third)
                        try await sessions.wait(until: .blocked, 3)
                        async let outcomes = desk.book(
                            patients.map { fixture.booking(here, $0) }, in: fixture.clinic.id,
                            waitingForLocks: false)
                        // For the first patient's appointment, then the second's, then the third's.
                        try await sessions.wait(until: .blocked, 4)
                        firstHold.release()
                        #expect(await one?.isBooked == true)
                        try await sessions.wait(until: .blocked, 3)
                        secondHold.release()
                        #expect(await two?.isBooked == true)
                        try await sessions.wait(until: .blocked, 2)
                        thirdHold.release()
                        #expect(await three?.isBooked == true)

                        let found = await outcomes
                        #expect(found.prefix(3).allSatisfy { $0?.refusal == .patientBusy })
                        #expect(found[3]?.unavailable == .overloaded)
                    }
                }
            }
            #expect(try await fixture.free([here]) == 1)
            #expect(try await fixture.breaches() == [])
        }
    }
}

/// What keeps a booking from being committed once it is written.
private func lock(_ booking: Booking) -> SQL {
    "SELECT FROM patients WHERE id = \(booking.request.patientID) FOR UPDATE"
}

/// A clinic, and a desk whose batches wait that long for one booking's sake; nil: as long as for any lock.
private func withPatience(
    _ patience: Duration?, lockTimeout: Duration = .seconds(60),
    _ body: @Sendable (Fixture, BookingDesk) async throws -> Void
) async throws {
    try await withService(configure: { $0.lockTimeout = lockTimeout }) { service in
        var environment = service.store.environment
        environment.batchPatience = patience
        let store = Store(database: service.store.database, environment: environment)
        try await body(try await Fixture(service), BookingDesk(store: store))
    }
}

extension Fixture {
    /// How many of the slots are free.
    fileprivate func free(_ slots: [Slot]) async throws -> Int {
        let calendar = CalendarService(store: service.store)
        var count = 0
        for slot in slots where try await calendar.slot(slot.id, in: clinic.id).status == .free {
            count += 1
        }
        return count
    }

    fileprivate func booking(_ slot: Slot, _ patient: Patient, lock: UUID? = nil) -> Booking {
        Booking(
            BookingRequest(
                slotID: slot.id, patientID: patient.id, reason: nil, author: Self.author, lock: lock
            ),
            newID: service.store.newID)
    }
}

extension BookingOutcome {
    fileprivate var isBooked: Bool { if case .booked = self { true } else { false } }
    fileprivate var unavailable: Unavailable.Reason? {
        if case .failed(let error as Unavailable) = self { error.reason } else { nil }
    }
    fileprivate var refusal: BookingRefusal? {
        if case .refused(let refusal, _) = self { refusal } else { nil }
    }
}
