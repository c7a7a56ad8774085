import FoundationEssentials
import Proof

/// Tries every order of a history's operations on a ``PlainSlot``: n! of them, so it is for short
/// ones.
struct BruteForce {
    private let operations: [SlotOperation]

    init(_ operations: [SlotOperation]) { self.operations = operations }

    func explains(from slot: PlainSlot) -> Bool {
        continues(from: slot, at: .distantPast, with: operations)
    }

    /// An operation that was answered before another was asked comes before it, or the other comes
    /// too late for it. As early as possible is always best, because whoever is next may come
    /// later.
    private func continues(
        from slot: PlainSlot, at now: Date, with left: [SlotOperation]
    ) -> Bool {
        guard left.allSatisfy({ now <= $0.answer?.moment ?? .distantFuture }) else { return false }
        return left.isEmpty
            || left.indices.contains { index in
                var others = left
                let next = others.remove(at: index)
                guard let (slot, moment) = slot.undergoing(next, from: max(now, next.asked)) else {
                    return false
                }
                return continues(from: slot, at: moment, with: others)
            }
    }
}

extension PlainSlot {
    /// The slot behind an operation, and when that was: at once, or else once a hold has ended.
    /// Nothing else changes a slot while nobody does anything.
    fileprivate func undergoing(
        _ operation: SlotOperation, from earliest: Date
    ) -> (PlainSlot, Date)? {
        for moment in [earliest, max(earliest, heldUntil)] {
            guard moment <= operation.answer?.moment ?? .distantFuture else { return nil }
            var slot = self
            if slot.undergoes(operation, at: moment) { return (slot, moment) }
        }
        return nil
    }

    /// Whether that can be what happened to it.
    fileprivate mutating func undergoes(_ operation: SlotOperation, at now: Date) -> Bool {
        switch (operation.answer, operation.entry) {
        case (nil, nil): return true
        case (.saw(let observation, _), nil): return shows(observation, at: now)
        case (nil, let entry?), (.done, let entry?):
            guard (try? make(entry.change, at: now)) != nil else { return false }
            return version == entry.version
        default: return false
        }
    }
}
