/// What the servers have said of one resource. It has no clock and no connection.
struct Tally: Equatable, Sendable {
    private let servers: Int
    private var granted = 0
    private var refused = 0
    private var away = 0

    init(servers: Int) { self.servers = servers }

    /// What there is to say by now.
    enum Verdict: Equatable, Sendable {
        /// More than half have granted it.
        case held
        /// More than half have answered, and so many refused it that no majority is left.
        /// - Parameter isSplit: Whether some granted it: then maybe nobody has a majority.
        case refused(isSplit: Bool)
        /// Not half of the servers are there to be asked.
        case unavailable
    }

    /// More than half.
    private var quorum: Int { servers / 2 + 1 }

    mutating func grant() { granted += 1 }
    mutating func refuse() { refused += 1 }
    mutating func miss() { away += 1 }

    /// Nil as long as those who have not answered can change it.
    var verdict: Verdict? {
        if granted >= quorum { return .held }
        // Whatever the others say, it is not held any more; who else has granted it matters.
        guard granted + refused + away == servers || refused >= quorum else {
            return away >= quorum ? .unavailable : nil
        }
        return granted + refused >= quorum ? .refused(isSplit: granted > 0) : .unavailable
    }

    /// The verdict when nobody is waited for any longer.
    var finalVerdict: Verdict {
        var rest = self
        rest.away = servers - granted - refused
        return rest.verdict ?? .unavailable
    }
}
