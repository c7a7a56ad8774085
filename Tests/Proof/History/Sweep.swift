import FoundationEssentials

/// Goes through what clients were told, in the order of the moments, and lets every change happen
/// as late as all answers so far allow.
///
/// ```
///   booked (version 2)   |---------------|    may happen at any moment in between
///   told "taken"            |----|            at the answer, version 2 must have happened
///   read version 1                 |---|      so this cannot be
/// ```
///
/// A change has to have happened at its own answer, at that of any change behind it, and at the
/// answer of whoever was told what only it, or a change behind it, explains. It may happen once it
/// and all before it were asked, and once the hold has ended that is in its way.
///
/// That is exact, for all answers together. Let *v(t)* be the number of changes that have happened
/// by *t*, let another choice *w* explain everything, and let *v(t)* ≤ *w(t)* so far. If *w*
/// explains an answer by a version that *v* has left behind by then, *v* left it no sooner than
/// *w*, and what a version explains at one moment of an interval it explains at all later ones: *v*
/// explains it as well. Otherwise *w* has come at least to the next version that explains it, and
/// *v* goes just there: again *v(t)* ≤ *w(t)*. So if *v* cannot explain an answer, there is no *w*.
///
/// What only a live hold explains is the exception: that ends. But it names one hold and its end,
/// so the interval is cut short there, and inside of what is left the argument holds.
struct Sweep {
    /// One more than changes: what the slot was behind so many of them.
    private let states: [SlotState]
    private let earliest: [Date]
    private let latest: [Date]
    /// When each change happened that has happened so far.
    private var happened: [Date] = []

    /// - Parameters:
    ///   - earliest: When each change may happen as far as itself is concerned.
    ///   - latest: When it must have happened, likewise.
    init(_ states: [SlotState], earliest: [Date], latest: [Date]) {
        self.states = states
        self.earliest = earliest
        self.latest = latest.suffixMinima()
    }

    /// What none of the versions explains that can have been current between question and answer.
    mutating func violations(in operations: [SlotOperation]) -> [String] {
        let questions = operations.compactMap { operation -> Question? in
            guard case .saw(let observation, let moment) = operation.answer else { return nil }
            let end = endOfHold(seenBy: observation)?.theMomentBefore ?? .distantFuture
            return Question(
                name: operation.name, observation: observation, asked: operation.asked,
                answered: min(moment, end))
        }
        var firstVersions = questions.map { _ in 0 }
        var found: [String] = []
        for turn in turns(of: questions) {
            let question = questions[turn.question]
            // What is due at that very moment may as well come behind whoever is there then.
            letHappen(before: turn.moment)
            if turn.isAsked {
                firstVersions[turn.question] = happened.count
            } else if !explain(question, from: firstVersions[turn.question]) {
                found.append("\(question)")
            }
        }
        return found
    }

    /// Questions before answers of the same moment: those who meet may have come in either order.
    private func turns(of questions: [Question]) -> [Turn] {
        let asked = questions.indices.map {
            Turn(question: $0, isAsked: true, moment: questions[$0].asked)
        }
        let answered = questions.indices.map {
            Turn(question: $0, isAsked: false, moment: questions[$0].answered)
        }
        return (asked + answered).sorted {
            $0.moment == $1.moment ? $0.isAsked && !$1.isAsked : $0.moment < $1.moment
        }
    }

    private mutating func letHappen(before moment: Date) {
        while happened.count < latest.count, latest[happened.count] < moment {
            happened.append(latest[happened.count])
        }
    }

    /// Finds the first version that explains an answer, and lets happen what makes it if need be.
    private mutating func explain(_ question: Question, from first: Int) -> Bool {
        guard question.asked <= question.answered else { return false }
        for index in first..<states.count {
            let isCurrent = index >= happened.count
            if index > happened.count, earliest[index - 1] > question.answered { return false }
            let end = isCurrent ? question.answered : happened[index]
            guard let moment = states[index].explains(question.observation), moment <= end else {
                continue
            }
            while happened.count < index { happened.append(question.answered) }
            return true
        }
        return false
    }

    /// When the hold ended that must have been live for this to be seen.
    private func endOfHold(seenBy observation: SlotObservation) -> Date? {
        switch observation {
        case .held(let until, _): return until
        case .read(let version, _, .busyTentative):
            let index = version - states[0].version
            return states.indices.contains(index) ? states[index].hold?.until : nil
        default: return nil
        }
    }
}

private struct Question: CustomStringConvertible {
    let name: String
    let observation: SlotObservation
    let asked: Date
    /// The last moment at which it can have been seen.
    let answered: Date

    var description: String { "\(name) was answered, but at no moment in between \(observation)" }
}

private struct Turn {
    let question: Int
    let isAsked: Bool
    let moment: Date
}

extension [Date] {
    /// The least of each and all behind it.
    fileprivate func suffixMinima() -> [Date] {
        var minima = self
        for index in indices.dropLast().reversed() {
            minima[index] = Swift.min(minima[index], minima[index + 1])
        }
        return minima
    }
}

extension Date {
    fileprivate var theMomentBefore: Date {
        Date(timeIntervalSinceReferenceDate: timeIntervalSinceReferenceDate.nextDown)
    }
}
