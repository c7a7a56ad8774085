import FoundationEssentials
import ServiceTesting
import Proof

/// One way to make a good history one that nothing explains, whatever else is in it.
enum Flaw: CaseIterable {
    case bookedFullSlot, bookedOverLiveHold, heldOverLiveHold, deletedBookedSlot, freedNobody
    case changedStaleVersion
    case versionTwice, versionMissing, answeredTooEarly
    case acknowledgedButGone, refusedButDone
    case takenThoughFree, unavailableThoughOpen, notFoundThoughThere, staleThoughCurrent
    case heldAfterItsEnd, shownHeldAfterItsEnd, shownFreeWhileHeld
    case readTheOld, readTheFuture, countedWrong

    /// - Returns: Nil if the history has nothing that could be broken like that.
    func broken(_ made: MadeUpHistory, _ dice: inout Dice) -> [SlotOperation]? {
        switch self {
        case .bookedFullSlot:
            made.inserting(.booked(.stranger, patient: .stranger), &dice) {
                $0.booked.count == $0.capacity
            }
        case .freedNobody: made.inserting(.freed(.stranger), &dice) { _ in true }
        case .deletedBookedSlot:
            // The version that it is asked of is right, so it is the appointment alone that is in
            // the way.
            made.inserting({ .deleted(from: $0.version) }, &dice) { !$0.booked.isEmpty }
        case .bookedOverLiveHold:
            made.insertingWhileHeld(.booked(.stranger, patient: .stranger), &dice)
        case .heldOverLiveHold:
            made.insertingWhileHeld(.held(patient: .stranger, until: .distantFuture), &dice)
        case .changedStaleVersion: made.changingStale(&dice)
        case .versionTwice: made.changes.randomElement(using: &dice).map { made.operations + [$0] }
        case .versionMissing: made.droppingVersion(&dice)
        case .answeredTooEarly: made.answeringTooEarly(&dice)
        case .acknowledgedButGone: made.acknowledging(&dice)
        case .refusedButDone: made.refusing(&dice)
        case .takenThoughFree: made.telling(.taken, &dice) { $0.booked.count < $0.capacity }
        case .unavailableThoughOpen: made.telling(.unavailable, &dice) { !$0.isBlocked }
        case .notFoundThoughThere: made.telling(.notFound, &dice) { !$0.isGone }
        case .staleThoughCurrent: made.tellingStale(&dice)
        case .heldAfterItsEnd: made.tellingOfHoldAfterItsEnd(&dice)
        case .shownHeldAfterItsEnd: made.showingHold(&dice, as: .busyTentative)
        case .shownFreeWhileHeld: made.showingHold(&dice, as: .free)
        case .readTheOld: made.readingOld(&dice)
        case .readTheFuture: made.readingFuture(&dice)
        case .countedWrong: made.countingWrong(&dice)
        }
    }
}

extension UUID {
    /// Whom no made-up history knows.
    static var stranger: UUID { UUID(number: 99) }
}

extension MadeUpHistory {
    var changes: [SlotOperation] { operations.filter { $0.entry != nil } }

    /// Puts a change between two others that the slot must refuse at any moment.
    fileprivate func inserting(
        _ change: SlotChange, _ dice: inout Dice, where isFit: (PlainSlot) -> Bool
    ) -> [SlotOperation]? {
        inserting({ _ in change }, &dice, where: isFit)
    }

    fileprivate func inserting(
        _ change: (PlainSlot) -> SlotChange, _ dice: inout Dice, where isFit: (PlainSlot) -> Bool
    ) -> [SlotOperation]? {
        guard let slot = versions.filter(isFit).randomElement(using: &dice) else { return nil }
        let operation = SlotOperation(
            "intruder", asked: .distantPast, answer: nil,
            entry: .init(version: slot.version + 1, change(slot)))
        return operations.shifted(from: slot.version + 1) + [operation]
    }

    /// Puts a change behind one that made a hold, answered before that hold ends.
    fileprivate func insertingWhileHeld(
        _ change: SlotChange, _ dice: inout Dice
    ) -> [SlotOperation]? {
        let holds = versions.filter { $0.heldBy != nil && !$0.isGone }
        guard let slot = holds.randomElement(using: &dice) else { return nil }
        let operation = SlotOperation(
            "intruder", asked: .distantPast, answer: .done(at: slot.heldUntil.later(by: -1)),
            entry: .init(version: slot.version + 1, change))
        return operations.shifted(from: slot.version + 1) + [operation]
    }

    fileprivate func changingStale(_ dice: inout Dice) -> [SlotOperation]? {
        replacing(&dice) { operation in
            guard case .changed(let capacity, let isBlocked, let from?) = operation.entry?.change
            else { return false }
            operation.entry?.change = .changed(
                capacity: capacity, isBlocked: isBlocked, from: from - 1)
            return true
        }
    }

    /// Any but the last: that it is missing cannot be told.
    fileprivate func droppingVersion(_ dice: inout Dice) -> [SlotOperation]? {
        guard versions.count > 2 else { return nil }
        let version = Int.random(in: 2..<versions.count, using: &dice)
        return operations.filter { $0.entry?.version != version }
    }

    fileprivate func answeringTooEarly(_ dice: inout Dice) -> [SlotOperation]? {
        guard versions.count > 2 else { return nil }
        let version = Int.random(in: 2..<versions.count, using: &dice)
        guard let before = changes.first(where: { $0.entry?.version == version }) else {
            return nil
        }
        return replacing(&dice) { operation in
            guard let entry = operation.entry, entry.version > version else { return false }
            operation.asked = min(operation.asked, before.asked.later(by: -2))
            operation.answer = .done(at: before.asked.later(by: -1))
            return true
        }
    }

    fileprivate func acknowledging(_ dice: inout Dice) -> [SlotOperation]? {
        replacing(&dice) { operation in
            guard case .saw(_, let moment) = operation.answer else { return false }
            operation.answer = .done(at: moment)
            return true
        }
    }

    fileprivate func refusing(_ dice: inout Dice) -> [SlotOperation]? {
        replacing(&dice) { operation in
            guard operation.entry != nil, let moment = operation.answer?.moment else {
                return false
            }
            operation.answer = .saw(.taken, at: moment)
            return true
        }
    }

    /// Changes one of those operations that can be.
    private func replacing(
        _ dice: inout Dice, _ change: (inout SlotOperation) -> Bool
    ) -> [SlotOperation]? {
        for index in operations.indices.shuffled(using: &dice) {
            var operation = operations[index]
            guard change(&operation) else { continue }
            var changed = operations
            changed[index] = operation
            return changed
        }
        return nil
    }
}

extension [SlotOperation] {
    /// Makes room for another change, whatever that may do to what was told of versions.
    fileprivate func shifted(from version: Int) -> [SlotOperation] {
        map { operation in
            var operation = operation
            guard let entry = operation.entry, entry.version >= version else { return operation }
            operation.entry?.version += 1
            switch entry.change {
            case .changed(let capacity, let isBlocked, let from?):
                operation.entry?.change = .changed(
                    capacity: capacity, isBlocked: isBlocked, from: from + 1)
            case .deleted(let from): operation.entry?.change = .deleted(from: from + 1)
            default: break
            }
            return operation
        }
    }
}
