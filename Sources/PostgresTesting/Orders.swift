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
    /// Whether this run has gone another way than the same one before.
    private var hasStrayed = false
    private var strays = 0
    /// Orders that have been.
    package private(set) var runs = 0

    package init() {}

    /// The same order went another way over and over: what is ordered hangs on something else as well.
    package struct NotRepeatable: Error {}

    /// Chooses among those who can go.
    /// - Precondition: Somebody can.
    package mutating func next(of candidates: [Int]) -> Int {
        precondition(!candidates.isEmpty)
        if depth == choices.count { choices.append(Choice(candidates: candidates)) }
        hasStrayed = hasStrayed || choices[depth].candidates != candidates
        guard !hasStrayed else { return candidates[0] }
        defer { depth += 1 }
        return candidates[choices[depth].taken]
    }

    /// Ends a run. One that went another way than the same one before is to be had again: two who are let
    /// go by one lock at one time may come to the next in either order.
    /// - Returns: Whether there is an order that has not been.
    /// - Throws: ``NotRepeatable``.
    package mutating func endRun() throws -> Bool {
        // One that ends before it came to its last choice has strayed, too.
        if hasStrayed || depth < choices.count {
            strays += 1
            guard strays < 100 else { throw NotRepeatable() }
            hasStrayed = false
            depth = 0
            return true
        }
        strays = 0
        runs += 1
        depth = 0
        while let last = choices.popLast() {
            guard last.taken + 1 < last.candidates.count else { continue }
            choices.append(Choice(candidates: last.candidates, taken: last.taken + 1))
            return true
        }
        return false
    }
}
