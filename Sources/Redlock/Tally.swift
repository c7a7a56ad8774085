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
        /// So many refused it that no majority is left.
        /// - Parameter isSplit: Whether some granted it: then maybe nobody has a majority.
        case refused(isSplit: Bool)
        /// A majority has answered, and it is not held; but those who are away could have made it so.
        case open
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
        if refused > servers - quorum { return .refused(isSplit: granted > 0) }
        if away > servers - quorum { return .unavailable }
        return granted + refused + away == servers ? .open : nil
    }

    /// The verdict when nobody is waited for any longer.
    var finalVerdict: Verdict {
        var rest = self
        rest.away = servers - granted - refused
        return rest.verdict ?? .open
    }
}
