import FoundationEssentials

/// All that was done to one slot, and all that was said of it.
///
/// Whether some order of its operations explains every answer is, of histories in general, a search
/// through all orders. Here each change carries the version that it made, so their order is known,
/// and what is left open is when each took effect between question and answer. ``Sweep`` finds
/// that.
///
/// Source: M. P. Herlihy and J. M. Wing, "Linearizability: A Correctness Condition for Concurrent
/// Objects" (1990); that known versions make it easy: P. B. Gibbons and E. Korach, "Testing Shared
/// Memories" (1997).
package struct SlotHistory: Sendable {
    /// The slot before all of it.
    package var start: SlotState
    package var operations: [SlotOperation]

    package init(from start: SlotState, _ operations: [SlotOperation]) {
        self.start = start
        self.operations = operations
    }

    /// What no order of the operations explains, each in a sentence. Empty: some order explains
    /// everything.
    ///
    /// While versions are missing or come twice it is not known what the slot was, so that is all
    /// that is told then. Otherwise each sentence stands for itself, except that what was told may
    /// disagree with other answers only: each moment that would explain it is one that another
    /// answer excludes.
    package func violations() -> [String] {
        let changes = operations.compactMap(Change.init)
            .sorted { ($0.version, $0.asked) < ($1.version, $1.asked) }
        var found = operations.compactMap(\.contradiction) + gaps(in: changes)
        guard isContiguous(changes) else { return found }
        var states = [start]
        var earliest: [Date] = []
        for change in changes {
            var state = states[states.count - 1]
            var moment = change.asked
            switch state.permits(change.what) {
            case .always: break
            case .since(let end): moment = max(moment, end)
            case .never(let reason): found.append("\(change) \(reason)")
            }
            earliest.append(moment)
            state.apply(change.what)
            states.append(state)
        }
        found += delays(of: changes, earliest)
        var sweep = Sweep(states, earliest: earliest, latest: changes.map(\.answered))
        return found + sweep.violations(in: operations.filter { $0.entry == nil })
    }

    private func isContiguous(_ changes: [Change]) -> Bool {
        zip(changes, (start.version + 1)...).allSatisfy { $0.version == $1 }
    }

    private func gaps(in changes: [Change]) -> [String] {
        var last = start.version
        return changes.flatMap { change -> [String] in
            defer { last = max(last, change.version) }
            guard change.version > last else { return ["\(change) is not the only one"] }
            return (last + 1..<change.version).map { "version \($0) is missing" }
        }
    }

    /// Changes that were answered before they, or one that came before them, could have happened.
    private func delays(of changes: [Change], _ earliest: [Date]) -> [String] {
        var slowest = 0
        return changes.indices.compactMap { index in
            if earliest[index] > earliest[slowest] { slowest = index }
            let (change, last) = (changes[index], changes[slowest])
            guard earliest[slowest] > change.answered else { return nil }
            return last.asked > change.answered
                ? "\(change) was answered before \(last) was asked"
                : "\(change) was answered before the hold in the way of \(last) ended"
        }
    }
}

/// A change as the journal has it, with what its client knows.
private struct Change: CustomStringConvertible {
    let name: String
    let asked: Date
    /// `distantFuture` if that is not known.
    let answered: Date
    let version: Int
    let what: SlotChange

    init?(_ operation: SlotOperation) {
        guard let entry = operation.entry else { return nil }
        name = operation.name
        asked = operation.asked
        answered = operation.answer?.moment ?? .distantFuture
        version = entry.version
        what = entry.change
    }

    var description: String { "version \(version) (\(name))" }
}

extension SlotOperation {
    /// What the answer has against the journal.
    fileprivate var contradiction: String? {
        switch (answer, entry) {
        case (.done, nil): "\(name) was told that it was done, but the journal has nothing of it"
        case (.saw, let entry?): "\(name) was refused, but made version \(entry.version)"
        default: nil
        }
    }
}
