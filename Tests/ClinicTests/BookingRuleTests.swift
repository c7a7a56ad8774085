import FoundationEssentials
import Testing

@testable import Clinic

@Suite("The rule of booking, without a database")
struct BookingRuleTests {
    static let now = Date(timeIntervalSince1970: 1_800_000_000)
    static let slotID = UUID()
    static let ann = UUID()
    static let ben = UUID()

    private func slot(
        _ id: UUID = slotID, startsIn seconds: Double = 3600, capacity: Int = 1, booked: Int = 0,
        isBlocked: Bool = false, heldBy: UUID? = nil, heldFor holdSeconds: Double? = nil
    ) -> LockedSlot {
        LockedSlot(
            id: id, practitionerID: Self.ann, startsAt: Self.now.addingTimeInterval(seconds),
            endsAt: Self.now.addingTimeInterval(seconds + 900), capacity: capacity, booked: booked,
            isBlocked: isBlocked, heldBy: heldBy, heldSince: heldBy.map { _ in Self.now },
            heldUntil: holdSeconds.map(Self.now.addingTimeInterval), version: 1)
    }

    private func decide(
        _ slots: [LockedSlot], patient: UUID = ann, isKnown: Bool = true, isBusy: Bool = false
    ) -> BookingRefusal? {
        var rule = BookingRule(locked: slots)
        return rule.decide(request(patient), circumstances(isKnown: isKnown, isBusy: isBusy))
    }

    private func request(_ patient: UUID, _ slot: UUID = slotID) -> BookingRequest {
        BookingRequest(
            slotID: slot, patientID: patient, reason: nil,
            author: Author(subject: "test", requestID: "test"))
    }

    private func circumstances(
        isKnown: Bool = true, isBusy: Bool = false
    ) -> PatientCircumstances {
        PatientCircumstances(patientIsKnown: isKnown, isBusy: isBusy, readAt: Self.now, wishes: [])
    }

    @Test("a free slot is booked")
    func free() {
        #expect(decide([slot()]) == nil)
    }

    @Test("the reasons, in the order of the contract: each hides those behind it")
    func order() {
        let worst = slot(
            startsIn: -1, booked: 1, isBlocked: true, heldBy: Self.ben, heldFor: 60)
        #expect(decide([], isKnown: false, isBusy: true) == .slotNotFound)
        #expect(decide([worst], isKnown: false, isBusy: true) == .patientNotFound)
        #expect(decide([worst], isBusy: true) == .slotInPast)
        let blocked = slot(booked: 1, isBlocked: true, heldBy: Self.ben, heldFor: 60)
        #expect(decide([blocked], isBusy: true) == .slotUnavailable)
        let full = slot(booked: 1, heldBy: Self.ben, heldFor: 60)
        #expect(decide([full], isBusy: true) == .slotTaken)
        let held = slot(heldBy: Self.ben, heldFor: 60)
        #expect(
            decide([held], isBusy: true) == .slotHeld(until: Self.now.addingTimeInterval(60)))
        #expect(decide([slot()], isBusy: true) == .patientBusy)
    }

    @Test("a slot that begins this instant has begun")
    func beginning() {
        #expect(decide([slot(startsIn: 0)]) == .slotInPast)
        #expect(decide([slot(startsIn: 0.000_001)]) == nil)
    }

    @Test("a hold is for its holder, and ends the moment it expires")
    func hold() {
        #expect(decide([slot(heldBy: Self.ann, heldFor: 60)]) == nil)
        #expect(decide([slot(heldBy: Self.ben, heldFor: 0)]) == nil)
    }

    @Test("several requests for one slot in one batch: in order of arrival, until it is full")
    func batch() {
        var rule = BookingRule(locked: [slot(capacity: 2)])
        let patients = (1...4).map { _ in UUID() }
        let refusals = patients.map { rule.decide(request($0), circumstances()) }
        #expect(refusals == [nil, nil, .slotTaken, .slotTaken])
    }

    @Test("one patient, two overlapping slots in one batch: the first counts")
    func crosswise() {
        let other = UUID()
        let later = UUID()
        var rule = BookingRule(
            locked: [slot(), slot(other, startsIn: 3900), slot(later, startsIn: 4500)])
        #expect(rule.decide(request(Self.ann), circumstances()) == nil)
        #expect(rule.decide(request(Self.ann, other), circumstances()) == .patientBusy)
        #expect(rule.decide(request(Self.ann, later), circumstances()) == nil)
        #expect(rule.decide(request(Self.ben, other), circumstances()) == nil)
    }
}
