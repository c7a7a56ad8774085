import FoundationEssentials
import ServiceTesting
import Proof

// What somebody is told in these could be true of none of the versions that can have been current
// then, or only at another moment. Which those are hangs on no other answer but those that changes
// got.

extension MadeUpHistory {
    /// Tells somebody what is true of nothing that the slot can have been in between.
    func telling(
        _ observation: SlotObservation, _ dice: inout Dice, where isFalse: (PlainSlot) -> Bool
    ) -> [SlotOperation]? {
        for _ in 0..<20 {
            let (asked, answered) = interval(&dice)
            guard possible(from: asked, to: answered).allSatisfy(isFalse) else { continue }
            return lying(observation, asked, answered)
        }
        return nil
    }

    func tellingStale(_ dice: inout Dice) -> [SlotOperation]? {
        for _ in 0..<20 {
            let (asked, answered) = interval(&dice)
            let slots = possible(from: asked, to: answered)
            guard slots.count == 1 else { continue }
            return lying(.stale(sent: slots[0].version), asked, answered)
        }
        return nil
    }

    /// The first moment at which a hold does not live is its end itself.
    func tellingOfHoldAfterItsEnd(_ dice: inout Dice) -> [SlotOperation]? {
        let holds = versions.filter { $0.heldBy != nil }
        guard let until = holds.randomElement(using: &dice)?.heldUntil else { return nil }
        return lying(.held(until: until, from: .stranger), until, .distantFuture)
    }

    func showingHold(
        _ dice: inout Dice, as status: SlotObservation.Status
    ) -> [SlotOperation]? {
        let holds = versions.filter { $0.heldBy != nil }
        guard let slot = holds.randomElement(using: &dice) else { return nil }
        let seen = SlotObservation.read(version: slot.version, status: status)
        return status == .free
            ? lying(seen, .distantPast, slot.heldUntil.later(by: -1))
            : lying(seen, slot.heldUntil, .distantFuture)
    }

    /// Asks once a change was answered, and reads what was before it.
    func readingOld(_ dice: inout Dice) -> [SlotOperation]? {
        let answered = changes.filter { $0.answer != nil }
        guard let change = answered.randomElement(using: &dice), let entry = change.entry,
            let moment = change.answer?.moment
        else { return nil }
        return lying(.read(version: entry.version - 1), moment.later(by: 1), .distantFuture)
    }

    func readingFuture(_ dice: inout Dice) -> [SlotOperation]? {
        guard let change = changes.randomElement(using: &dice), let entry = change.entry else {
            return nil
        }
        return lying(.read(version: entry.version), .distantPast, change.asked.later(by: -1))
    }

    func countingWrong(_ dice: inout Dice) -> [SlotOperation]? {
        guard let slot = versions.randomElement(using: &dice) else { return nil }
        let wrong = SlotObservation.read(version: slot.version, booked: slot.booked.count + 1)
        return lying(wrong, .distantPast, .distantFuture)
    }

    private func lying(
        _ observation: SlotObservation, _ asked: Date, _ answered: Date
    ) -> [SlotOperation] {
        operations + [SlotOperation("liar", asked: asked, answer: .saw(observation, at: answered))]
    }

    private func interval(_ dice: inout Dice) -> (Date, Date) {
        let asked = operations.randomElement(using: &dice)?.asked ?? .distantPast
        return (asked, asked.later(by: .random(in: 0...4, using: &dice)))
    }

    /// What the slot can have been: neither before what had been answered, nor behind what was not
    /// asked.
    private func possible(from asked: Date, to answered: Date) -> [PlainSlot] {
        let last = changes.filter { $0.answer?.moment ?? .distantFuture < asked }
            .compactMap(\.entry?.version).max()
        let next = changes.filter { $0.asked <= answered }.compactMap(\.entry?.version).max()
        return versions.filter { $0.version >= last ?? 1 && $0.version <= next ?? 1 }
    }
}
