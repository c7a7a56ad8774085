/// Who goes next, over and over, in run after run, until every order has been. Pure: it knows nothing of what
/// it orders.
///
/// ```
///   run 1   A A B B        at each place the first who can go
///   run 2   A B A B        the last choice that has another is made otherwise; before it all is as it was
///   run 3   A B B A
///   ...
/// ```
package struct Orders: Sendable {
    private struct Choice {
        let candidates: [Int]
        var taken = 0
    }

    private var choices: [Choice] = []
    private var depth = 0
    /// Runs that have ended.
    package private(set) var runs = 0

    package init() {}

    /// The same run went another way than before: what is ordered hangs on something else as well.
    package struct NotRepeatable: Error {
        package let expected: [Int]
        package let found: [Int]
    }

    /// Chooses among those who can go.
    /// - Precondition: Somebody can.
    /// - Throws: ``NotRepeatable``.
    package mutating func next(of candidates: [Int]) throws -> Int {
        precondition(!candidates.isEmpty)
        if depth == choices.count { choices.append(Choice(candidates: candidates)) }
        let choice = choices[depth]
        guard choice.candidates == candidates else {
            throw NotRepeatable(expected: choice.candidates, found: candidates)
        }
        depth += 1
        return candidates[choice.taken]
    }

    /// Ends a run.
    /// - Returns: Whether there is an order that has not been.
    package mutating func endRun() -> Bool {
        runs += 1
        // What was not reached this time is not to be asked for again.
        choices.removeSubrange(depth...)
        depth = 0
        while let last = choices.popLast() {
            guard last.taken + 1 < last.candidates.count else { continue }
            choices.append(Choice(candidates: last.candidates, taken: last.taken + 1))
            return true
        }
        return false
    }
}
