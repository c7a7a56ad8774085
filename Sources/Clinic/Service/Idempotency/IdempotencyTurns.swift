import Synchronization

/// Has requests of one key come one behind the other, within this process.
///
/// Whoever comes while the first is in progress waits for its end; those then go on together, because
/// what the first one stored is all that they ask for.
final class IdempotencyTurns: Sendable {
    private let waiting = Mutex<[IdempotencyKey: [CheckedContinuation<Bool, Never>]]>([:])

    /// Returns at once if nobody is in progress under the key, else when whoever is has ended.
    /// - Returns: Whether the caller is in progress now, and has to say when it ends.
    func await(_ key: IdempotencyKey) async -> Bool {
        await withCheckedContinuation { continuation in
            let isFirst = waiting.withLock { waiting in
                guard waiting[key] == nil else {
                    waiting[key]?.append(continuation)
                    return false
                }
                waiting[key] = []
                return true
            }
            if isFirst { continuation.resume(returning: true) }
        }
    }

    /// Takes the turn if nobody is in progress under the key.
    /// - Returns: Whether the caller is in progress now, and has to say when it ends.
    func take(_ key: IdempotencyKey) -> Bool {
        waiting.withLock { waiting in
            guard waiting[key] == nil else { return false }
            waiting[key] = []
            return true
        }
    }

    /// Lets go whoever waits.
    func end(_ key: IdempotencyKey) {
        let continuations = waiting.withLock { $0.removeValue(forKey: key) }
        for continuation in continuations ?? [] { continuation.resume(returning: false) }
    }
}
