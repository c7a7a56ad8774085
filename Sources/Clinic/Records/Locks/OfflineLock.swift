import FoundationEssentials
import Postgres

/// A lock that its holder keeps across several requests. Source: Martin Fowler, Patterns of Enterprise
/// Application Architecture, "Pessimistic Offline Lock".
package struct OfflineLock: Hashable, Sendable {
    /// Names the lock to those who use it. No secret: each use also says who its holder is.
    package let token: UUID
    /// Higher than that of every earlier lock on any of its targets.
    package let fencingToken: Int
    package let targets: [LockTarget]
    /// The holder's `sub`.
    package let holder: String
    package let reason: String
    /// How often it was acquired and not yet released.
    package let depth: Int
    package let since: Date
    /// By the database's clock.
    package let expiresAt: Date
    package let onExpiry: LockExpiry
    /// Whether its holder may acquire it once more.
    let isReentrant: Bool
    let version: Int
    /// Whether it had expired when it was read.
    let hasExpired: Bool

    /// Whether it keeps others out.
    var isInForce: Bool { !hasExpired || onExpiry == .keep }
}

/// What becomes of a lock that expires.
package enum LockExpiry: String, CaseIterable, Sendable, PostgresValue {
    /// It is free.
    case release
    /// It keeps others out until it is released by hand.
    case keep
    /// It is free, and its holder is told.
    case notify
}

extension OfflineLock: RowDecodable {
    /// Of `offline_locks`, read behind whatever locks it, so that the clock is of that moment.
    static func columns(in clinicID: UUID) -> SQL {
        """
        offline_locks.token,
        offline_locks.fencing_token,
        ARRAY(
            SELECT object_type
            FROM offline_lock_targets AS target
            WHERE target.clinic_id = \(clinicID) AND target.token = offline_locks.token
            ORDER BY object_type, object_id
        ),
        ARRAY(
            SELECT object_id
            FROM offline_lock_targets AS target
            WHERE target.clinic_id = \(clinicID) AND target.token = offline_locks.token
            ORDER BY object_type, object_id
        ),
        offline_locks.holder,
        offline_locks.reason,
        offline_locks.depth,
        offline_locks.since,
        offline_locks.expires_at,
        offline_locks.on_expiry,
        offline_locks.is_reentrant,
        offline_locks.version,
        offline_locks.expires_at <= clock_timestamp()
        """
    }

    package init(row: inout Row) throws {
        token = try row.next()
        fencingToken = try row.next()
        let types: [LockTargetType] = try row.next()
        let ids: [UUID] = try row.next()
        targets = zip(types, ids).map(LockTarget.init)
        holder = try row.next()
        reason = try row.next()
        depth = try row.next()
        since = try row.next()
        expiresAt = try row.next()
        onExpiry = try row.next()
        isReentrant = try row.next()
        version = try row.next()
        hasExpired = try row.next()
    }
}
