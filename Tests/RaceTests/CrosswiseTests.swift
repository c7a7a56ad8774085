import FoundationEssentials
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting
import Testing

@testable import Clinic

@Suite("Two batches that book crosswise", .serialized, .timeLimit(.minutes(30)))
struct CrosswiseTests {
    @Test(
        "two patients, two overlapping slots each, in opposite order, 500 rounds: no deadlock at all"
    )
    func crosswise() async throws {
        try await withRace { fixture in
            let colleagues = [
                fixture.practitioner.id, try await fixture.colleague(),
                try await fixture.colleague(), try await fixture.colleague(),
            ]
            let patients = try await fixture.patients(2)
            var slots: [[Slot]] = []
            for colleague in colleagues {
                let start = Date(timeIntervalSinceNow: 86_400)
                slots.append(try await fixture.slots(500, from: start, by: colleague))
            }
            let desk = BookingDesk(store: fixture.service.store)
            for round in 0..<500 {
                func request(_ column: Int, _ patient: Int) -> Booking {
                    Booking(
                        BookingRequest(
                            slotID: slots[column][round].id, patientID: patients[patient].id,
                            reason: nil, author: Fixture.author),
                        newID: fixture.service.store.newID)
                }
                // All four slots are at the same time, so each patient gets one appointment.
                let batches = [
                    [request(0, 0), request(1, 1)], [request(2, 1), request(3, 0)],
                ]
                let outcomes = await withTaskGroup { group in
                    let barrier = Barrier(2)
                    for batch in batches {
                        group.addTask {
                            await barrier.arrive()
                            return await desk.book(
                                batch, in: fixture.clinic.id, waitingForLocks: false)
                        }
                    }
                    return await group.reduce(into: [BookingOutcome?]()) { $0 += $1 }
                }
                #expect(outcomes.count { $0?.isBooked == true } == 2)
                #expect(outcomes.count { $0?.isBusy == true } == 2)
            }
            #expect(try await fixture.deadlocks() == 0)
            #expect(try await fixture.breaches() == [])
        }
    }
}

extension BookingOutcome {
    fileprivate var isBooked: Bool { if case .booked = self { true } else { false } }
    fileprivate var isBusy: Bool {
        if case .refused(.patientBusy, _) = self { true } else { false }
    }
}
