import FoundationEssentials
import Postgres

/// What a caller says about the lock under which it writes. Each write finds out whether it is so.
package struct LockClaim: Hashable, Sendable {
    package let token: UUID
    /// The caller's `sub`.
    package let holder: String

    package init(token: UUID, holder: String) {
        self.token = token
        self.holder = holder
    }

    /// The lock, if it lives, is the holder's and covers the target: one row or none. Its row is locked
    /// against whoever would take it over, renew or release it, until the transaction ends.
    func held(on type: LockTargetType, _ id: UUID, in clinicID: UUID) -> SQL {
        """
        SELECT offline_locks.token
        FROM offline_lock_targets AS target
        JOIN offline_locks USING (clinic_id, token)
        WHERE target.clinic_id = \(clinicID)
            AND target.object_type = \(type)
            AND target.object_id = \(id)
            AND offline_locks.token = \(token)
            AND offline_locks.holder = \(holder)
            AND offline_locks.expires_at > clock_timestamp()
        FOR SHARE OF offline_locks
        """
    }
}

extension Pipeline {
    /// Queues the naming of the lock, to the policies that let nobody write to a record without one.
    func name(_ claim: LockClaim) {
        execute(
            """
            SELECT
                set_config('holdfast.lock_token', \(claim.token)::text, true),
                set_config('holdfast.lock_holder', \(claim.holder), true)
            """)
    }
}
