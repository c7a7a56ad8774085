import Synchronization

/// Counts the requests that are being worked on and refuses those that are too many: at once, because
/// a caller that waits in line behind thousands would have given up before its turn.
///
/// A request counts from when its body is there, so that slow clients take nobody's place.
final class Admission: Sendable {
    private let limit: Int
    private let admitted = Mutex(0)

    init(limit: Int) { self.limit = limit }

    /// Runs `work` if there is room for it.
    /// - Throws: ``Problem`` `overloaded`; what `work` throws.
    func admit<Result>(_ work: () async throws -> Result) async throws -> Result {
        guard enter() else { throw Problem.overloaded }
        defer { leave() }
        return try await work()
    }

    /// Whether there is room for one more, who then has to leave.
    func enter() -> Bool {
        admitted.withLock { admitted in
            guard admitted < limit else { return false }
            admitted += 1
            return true
        }
    }

    func leave() { admitted.withLock { $0 -= 1 } }
}
