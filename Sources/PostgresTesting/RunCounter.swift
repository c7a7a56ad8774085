import Synchronization

/// Counts how often a transaction's body runs, which is more than once when it is retried.
package final class RunCounter: Sendable {
    private let runs = Mutex(0)

    package init() {}

    /// How often it ran so far.
    package var count: Int { runs.withLock { $0 } }

    /// Counts one more run.
    /// - Returns: Its number, from 1.
    @discardableResult
    package func begin() -> Int {
        runs.withLock { runs in
            runs += 1
            return runs
        }
    }
}
