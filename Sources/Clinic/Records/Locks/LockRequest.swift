import FoundationEssentials

/// A wish to keep others out of something.
package struct LockRequest: Hashable, Sendable {
    /// How often a lock may be acquired by its holder.
    package enum Mode: String, CaseIterable, Sendable {
        /// As often as the holder likes; it is free once it was released as often.
        case reentrant
        /// Once: not even its holder gets it again.
        case once
        /// As `reentrant`, but this request is refused if the holder has it already.
        case new
    }

    /// In one order, whatever the order in which they were named.
    let targets: [LockTarget]
    let reason: String
    let lifetime: Int
    let mode: Mode
    let onExpiry: LockExpiry
    /// Where the holder is told that the lock was lost; nil to tell nobody.
    let email: String?

    /// Seconds that a lock may be asked for.
    package static let lifetimes = 1...86_400
    /// Targets that a lock may have.
    package static let targetCounts = 1...100

    /// - Parameter lifetime: In seconds.
    /// - Throws: ``InvalidInput`` for no target, more than 100, or one that is named twice; for a
    ///   lifetime outside 1 to 86,400.
    package init(
        targets: [LockTarget], reason: String, lifetime: Int = 900, mode: Mode = .reentrant,
        onExpiry: LockExpiry = .release, email: String? = nil
    ) throws(InvalidInput) {
        guard Self.targetCounts.contains(targets.count) else {
            throw InvalidInput("targets", "must be 1 to 100 targets")
        }
        guard Set(targets).count == targets.count else {
            throw InvalidInput("targets", "must name each target once")
        }
        guard Self.lifetimes.contains(lifetime) else {
            throw InvalidInput("ttl_seconds", "must be an integer from 1 to 86400")
        }
        self.targets = targets.sorted {
            ($0.type.rawValue, $0.id.uuidString) < ($1.type.rawValue, $1.id.uuidString)
        }
        self.reason = reason
        self.lifetime = lifetime
        self.mode = mode
        self.onExpiry = onExpiry
        self.email = email
    }
}

/// Why a lock was not acquired, or did not let its holder do something.
package enum LockError: Error, Hashable, Sendable {
    /// A lock is in the way, on that target.
    case locked(OfflineLock, LockTarget)
    /// It expired, was broken or released, is another's, or covers another target.
    case lockLost
    /// There is no lock of that token.
    case lockNotFound
    /// Only its holder, or an administrator by force, may release it.
    case notHolder(OfflineLock)
}
