import FoundationEssentials
import Testing

@testable import Clinic

@Suite("Who is given a free seat")
struct PromotionRuleTests {
    static let ada = UUID()
    static let bruno = UUID()
    static let start = Date(timeIntervalSince1970: 1_800_000_000)

    /// A quarter of an hour of a practitioner's, so many quarters behind the start.
    private func slot(_ quarter: Int, _ practitioner: UUID = ada, seats: Int = 1) -> LockedSlot {
        LockedSlot(
            id: UUID(), practitionerID: practitioner, startsAt: at(quarter),
            endsAt: at(quarter + 1),
            capacity: seats, booked: 0, isBlocked: false, heldBy: nil, heldSince: nil,
            heldUntil: nil, version: 1)
    }

    private func at(_ quarter: Int) -> Date {
        Self.start.addingTimeInterval(Double(quarter) * 900)
    }

    private func wish(
        _ patient: UUID = UUID(), from: Int = 0, to: Int = 8, _ practitioner: UUID? = nil
    ) -> LockedWish {
        LockedWish(
            id: UUID(), patientID: patient, practitionerID: practitioner, from: at(from), to: at(to)
        )
    }

    private func decide(
        _ slots: [LockedSlot], _ wishes: [LockedWish], busy: [BusyTime] = [],
        leaving: Leaving? = nil
    ) -> [UUID: UUID] {
        var rule = PromotionRule(open: slots.shuffled(), busy: busy, leaving: leaving)
        return Dictionary(
            uniqueKeysWithValues: rule.decide(wishes).map { ($0.wish.id, $0.slot.id) })
    }

    @Test("first come, first served, each the earliest that is left")
    func order() {
        let slots = [slot(0), slot(1)]
        let wishes = [wish(), wish(), wish()]
        #expect(decide(slots, wishes) == [wishes[0].id: slots[0].id, wishes[1].id: slots[1].id])
    }

    @Test(
        "only what was asked for: the practitioner, and a start from one time on and before another"
    )
    func asked() {
        let slots = [slot(0), slot(1), slot(2, Self.bruno)]
        #expect(decide(slots, [wish(from: 1, to: 2)]).values.first == slots[1].id)
        #expect(decide(slots, [wish(from: 0, to: 8, Self.bruno)]).values.first == slots[2].id)
        #expect(decide(slots, [wish(from: 3, to: 8)]).isEmpty)
        #expect(decide(slots, [wish(from: 0, to: 0)]).isEmpty)
    }

    @Test("who is busy is passed over, and times that touch do not overlap")
    func busy() {
        let ann = wish()
        let ben = wish()
        let one = slot(1)
        let during = BusyTime(patientID: ann.patientID, time: at(0)..<at(2))
        #expect(decide([one], [ann, ben], busy: [during]) == [ben.id: one.id])
        let before = BusyTime(patientID: ann.patientID, time: at(0)..<at(1))
        #expect(decide([one], [ann, ben], busy: [before]) == [ann.id: one.id])
    }

    @Test("a group slot has as many seats as are left")
    func seats() {
        let group = slot(0, seats: 2)
        let wishes = [wish(), wish(), wish()]
        #expect(Set(decide([group], wishes).keys) == Set(wishes.prefix(2).map(\.id)))
    }

    @Test("what fulfils one wish of a patient fulfils the others, and one at a time is enough")
    func severalWishes() {
        let ann = UUID()
        let slots = [slot(0), slot(0, Self.bruno), slot(4)]
        let both = [wish(ann, from: 0, to: 2), wish(ann, from: 0, to: 8)]
        #expect(decide(slots, both).count == 1)
        let apart = [wish(ann, from: 0, to: 2), wish(ann, from: 4, to: 8)]
        #expect(decide(slots, apart).count == 2)
        let same = [wish(ann, from: 0, to: 2, Self.ada), wish(ann, from: 0, to: 2, Self.bruno)]
        #expect(decide(slots, same).count == 1)
    }

    @Test("who has just left a slot is not given it, but another one")
    func leaving() {
        let ann = wish()
        let slots = [slot(0), slot(1)]
        let leaving = Leaving(patientID: ann.patientID, slotID: slots[0].id)
        #expect(decide(slots, [ann], leaving: leaving) == [ann.id: slots[1].id])
        #expect(decide([slots[0]], [ann], leaving: leaving).isEmpty)
    }
}
