import FoundationEssentials
import Proof
import Testing

@Suite("What explains what was said of a slot, by example")
struct SlotHistoryExamples {
    static let (ann, ben) = (UUID(number: 1), UUID(number: 2))
    static let appointment = UUID(number: 3)
    static let booked = SlotChange.booked(appointment, patient: ann)
    static let held = SlotChange.held(patient: ann, until: moment(10))

    static func moment(_ seconds: Double) -> Date { Date(timeIntervalSinceReferenceDate: seconds) }

    /// A change that was answered, or, to infinity, never was.
    private func made(
        _ version: Int, _ change: SlotChange, _ asked: Double, _ answered: Double,
        by name: String = "a"
    ) -> SlotOperation {
        SlotOperation(
            name, asked: Self.moment(asked),
            answer: answered.isFinite ? .done(at: Self.moment(answered)) : nil,
            entry: .init(version: version, change))
    }

    private func told(
        _ observation: SlotObservation, _ asked: Double, _ answered: Double,
        by name: String = "b"
    ) -> SlotOperation {
        SlotOperation(
            name, asked: Self.moment(asked), answer: .saw(observation, at: Self.moment(answered)))
    }

    private func violations(_ operations: SlotOperation...) -> [String] {
        let all = SlotHistory(from: SlotState(), operations).violations()
        let isGood = BruteForce(operations).explains(from: PlainSlot(capacity: 1))
        #expect(all.isEmpty == isGood)
        return all
    }

    // Either answer can be explained: by a booking that happened early, or by one that happened
    // late.
    //
    //              0    1    2    3    4    5
    //   booked     |------------------------|     version 2
    //   b: taken        |----|                    so it had happened by 2
    //   c: free                   |----|          so it had not by 3
    @Test("answers of which each can be explained, but not both, are not")
    func together() {
        let booking = made(2, Self.booked, 0, 5)
        let refusal = told(.taken, 1, 2)
        let reading = told(.read(version: 1, status: .free), 3, 4, by: "c")
        #expect(violations(booking, refusal).isEmpty)
        #expect(violations(booking, reading).isEmpty)
        #expect(
            violations(booking, refusal, reading) == [
                "c was answered, but at no moment in between was the slot at version 1 and free"
            ])
    }

    // The hold has to be over before it is booked over, and that is what excludes the second
    // answer.
    //
    //              8    9   10   11   12
    //   booked     |-------------------|          version 3, by somebody else than the holder
    //   b: taken        |---|                     so it had happened by 10, but not before
    //   c: held              |----|               so it had not by 10
    @Test("what the end of a hold excludes, it excludes for all answers")
    func holdTogether() {
        let hold = made(2, Self.held, 0, 1)
        let other = made(3, .booked(Self.appointment, patient: Self.ben), 8, 12, by: "d")
        #expect(violations(hold, other, told(.taken, 9, 10)).isEmpty)
        #expect(violations(hold, other, told(.taken, 9, 9.9)).count == 1)
        let early = told(.read(version: 2, status: .busyTentative), 9.5, 11, by: "c")
        #expect(violations(hold, other, told(.taken, 9, 10), early).isEmpty)
        let late = told(.read(version: 2), 10.1, 11, by: "c")
        #expect(violations(hold, other, told(.taken, 9, 10), late).count == 1)
    }

    @Test("a hold lives until its end, and not at its end")
    func end() {
        let hold = made(2, Self.held, 0, 1)
        let refusal = SlotObservation.held(until: Self.moment(10), from: Self.ben)
        #expect(violations(hold, told(refusal, 9.9, 20)).isEmpty)
        #expect(violations(hold, told(refusal, 10, 20)).count == 1)
        #expect(violations(hold, told(.notHeld(by: Self.ann), 2, 10)).isEmpty)
        #expect(violations(hold, told(.notHeld(by: Self.ann), 2, 9.9)).count == 1)
        let other = SlotChange.booked(Self.appointment, patient: Self.ben)
        #expect(violations(hold, made(3, other, 2, 10)).isEmpty)
        #expect(
            violations(hold, made(3, other, 2, 9.9, by: "d")) == [
                "version 3 (d) was answered before the hold in the way of version 3 (d) ended"
            ])
        #expect(violations(hold, made(3, Self.booked, 2, 3)).isEmpty)
        let twoSeats = SlotChange.changed(capacity: 2, from: 2)
        #expect(violations(hold, made(3, twoSeats, 2, 10)).isEmpty)
        #expect(violations(hold, made(3, twoSeats, 2, 9.9)).count == 1)
        let release = made(4, .released(patient: Self.ann), 13, 14)
        #expect(violations(hold, made(3, twoSeats, 11, 12), release).count == 1)
    }

    @Test("who meets at one moment may have come in either order")
    func meeting() {
        let booking = made(2, Self.booked, 0, 1)
        #expect(violations(booking, told(.read(version: 1), 1, 2)).isEmpty)
        #expect(violations(booking, told(.read(version: 1), 1.1, 2)).count == 1)
        #expect(violations(made(2, Self.booked, 1, 2), told(.taken, 0, 1)).isEmpty)
        #expect(violations(made(2, Self.booked, 1, 2), told(.taken, 0, 0.9)).count == 1)
    }

    @Test("a change whose client never heard of it may come at any time, but only once")
    func unanswered() {
        let lost = made(2, Self.booked, 0, .infinity)
        let free = told(.read(version: 1), 8, 9, by: "c")
        #expect(violations(lost, free).isEmpty)
        #expect(violations(lost, free, told(.taken, 10, 11)).isEmpty)
        #expect(violations(lost, free, told(.taken, 6, 7)).count == 1)
    }

    @Test("what disagrees with the journal is told")
    func journal() {
        let freed = SlotChange.freed(Self.appointment)
        #expect(violations(made(3, Self.booked, 0, 1)) == ["version 2 is missing"])
        #expect(
            violations(made(2, Self.booked, 0, 1), made(2, Self.booked, 2, 3, by: "b"))
                == ["version 2 (b) is not the only one"])
        #expect(
            violations(made(2, Self.booked, 2, 3), made(3, freed, 0, 1, by: "b"))
                == ["version 3 (b) was answered before version 2 (a) was asked"])
        #expect(
            violations(SlotOperation("a", asked: Self.moment(0), answer: .done(at: Self.moment(1))))
                == ["a was told that it was done, but the journal has nothing of it"])
        var refused = made(2, Self.booked, 0, 1)
        refused.answer = .saw(.taken, at: Self.moment(1))
        #expect(violations(refused).contains("a was refused, but made version 2"))
        #expect(
            violations(
                made(2, Self.booked, 0, 1),
                made(3, .booked(Self.ben, patient: Self.ben), 2, 3, by: "b"))
                == ["version 3 (b) books a seat of a full slot"])
    }
}
