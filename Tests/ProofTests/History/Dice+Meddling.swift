import FoundationEssentials
import ServiceTesting
import Proof

extension Dice {
    /// A short history, as long as brute force can wait for, in which much happens at once, and
    /// with which somebody has meddled: good or bad, nobody knows.
    mutating func shortHistory() -> (start: PlainSlot, history: SlotHistory) {
        let made = MadeUpHistory(
            count: .random(in: 2...5, using: &self), spread: .random(in: 0...8, using: &self),
            capacity: .random(in: 1...2, using: &self), dice: self)
        _ = next()
        var history = made.history
        let isSlow = Bool.random(using: &self)
        for index in history.operations.indices where isSlow {
            stretch(&history.operations[index])
        }
        for _ in 0..<Int.random(in: 0...3, using: &self) {
            history.operations.append(rumour(of: made))
        }
        for _ in 0..<Int.random(in: 0...2, using: &self) { meddle(with: &history, of: made) }
        return (made.versions[0], SlotHistory(from: made.start, history.operations.suffix(7)))
    }

    /// Makes it take longer, which leaves more open.
    private mutating func stretch(_ operation: inout SlotOperation) {
        operation.asked = operation.asked.later(by: -.random(in: 0...8, using: &self))
        operation.answer = operation.answer.map {
            $0.moved(to: $0.moment.later(by: .random(in: 0...8, using: &self)))
        }
    }

    private mutating func meddle(with history: inout SlotHistory, of made: MadeUpHistory) {
        guard let index = history.operations.indices.randomElement(using: &self) else { return }
        let operation = history.operations[index]
        let end = operation.answer?.moment ?? operation.asked
        switch Int.random(in: 0..<10, using: &self) {
        case 0..<3:
            history.operations[index].asked = min(end, operation.asked.later(by: few()))
        case 3..<6:
            let moment = max(operation.asked, end.later(by: few()))
            history.operations[index].answer = operation.answer?.moved(to: moment)
        case 6..<8 where operation.entry == nil:
            history.operations[index].answer = .saw(whim(made), at: end)
        case 8: history.operations[index].answer = nil
        case 9: history.operations[index].entry?.version += Bool.random(using: &self) ? 1 : -1
        default: break
        }
    }

    private mutating func few() -> Int { .random(in: -6...6, using: &self) }

    /// Something that was true of the slot at one time, told by somebody who may have come at
    /// another.
    private mutating func rumour(of made: MadeUpHistory) -> SlotOperation {
        let time = made.operations.randomElement(using: &self)?.asked ?? .distantPast
        let asked = time.later(by: .random(in: -2...10, using: &self))
        var said = whim(made)
        for _ in 0..<20 where !made.versions.contains(where: { $0.shows(said, at: asked) }) {
            said = whim(made)
        }
        let answered = asked.later(by: .random(in: 0...4, using: &self))
        return SlotOperation("rumour", asked: asked, answer: .saw(said, at: answered))
    }

    /// Anything that can be said of such a slot.
    private mutating func whim(_ made: MadeUpHistory) -> SlotObservation {
        let version = Int.random(in: 1...made.versions.count, using: &self)
        switch Int.random(in: 0..<16, using: &self) {
        case 0..<3: return .taken
        case 3: return .unavailable
        case 4..<7:
            let holds = made.versions.filter { $0.heldBy != nil }
            guard let until = holds.randomElement(using: &self)?.heldUntil else { return .taken }
            return .held(until: until, from: Bool.random(using: &self) ? patient() : nil)
        case 7..<9: return .notHeld(by: Bool.random(using: &self) ? patient() : nil)
        case 9: return .notFound
        case 10: return .stale(sent: version)
        case 11:
            return .stale(
                sent: version, current: .random(in: 1...made.versions.count, using: &self))
        case 12: return .booked(sent: version)
        default:
            return .read(
                version: version,
                booked: Bool.random(using: &self) ? .random(in: 0...1, using: &self) : nil,
                status: Bool.random(using: &self)
                    ? SlotObservation.Status.allCases.randomElement(using: &self) : nil)
        }
    }
}

extension SlotOperation.Answer {
    fileprivate func moved(to moment: Date) -> Self {
        switch self {
        case .done: .done(at: moment)
        case .saw(let observation, _): .saw(observation, at: moment)
        }
    }
}
