/// How patient a courier is.
package struct CourierPolicy: Sendable {
    /// How long an attempt has a message to itself. Longer than the transport's timeout: an attempt
    /// that could not end in time is not begun.
    package var lease: Duration = .seconds(480)
    /// Attempts at the most; with these pauses they take about four days, as RFC 5321, 4.5.4.1, wants.
    package var attempts = 128
    /// Attempts at the most at which the server may take the content and not say that it accepts it:
    /// each may be a copy.
    package var unansweredAttempts = 5
    /// The pause behind a first attempt that failed; it doubles with each further one.
    package var firstPause: Duration = .seconds(5)
    package var longestPause: Duration = .seconds(3600)

    package init() {}

    /// The pause behind an attempt, somewhere between half of it and all, so that what failed together
    /// does not come back together.
    func pause(afterAttempt attempt: Int) -> Duration {
        let doublings = min(attempt - 1, 20)
        let full = min(firstPause * (1 << max(0, doublings)), longestPause)
        return full * Double.random(in: 0.5...1)
    }
}
