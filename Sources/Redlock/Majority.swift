/// Whether there was a majority of the servers when it was last asked, and what of that is news.
struct Majority {
    enum News { case lost, regained }

    private var isLost = false
    private var lastMissed = ContinuousClock.now

    /// What comes back for less than this has not come back.
    private static let calm = Duration.seconds(10)

    mutating func note(isThere: Bool) -> News? {
        if !isThere { lastMissed = .now }
        if isLost == isThere, !isThere || .now - lastMissed > Self.calm {
            isLost = !isThere
            return isLost ? .lost : .regained
        }
        return nil
    }
}
