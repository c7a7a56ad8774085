/// Starts contenders together: nobody passes before all have arrived.
package actor Barrier {
    private var missing: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// A barrier for `count` contenders.
    package init(_ count: Int) { missing = count }

    /// Returns once `arrive` has been called as often as there are contenders.
    package func arrive() async {
        missing -= 1
        precondition(missing >= 0, "more arrived than the barrier was made for")
        guard missing > 0 else {
            waiting.forEach { $0.resume() }
            waiting = []
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }
}
