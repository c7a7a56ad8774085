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
        held(on: type, "\(id)", in: clinicID)
    }

    /// As ``held(on:_:in:)``, of the target whose id an expression gives.
    func held(on type: LockTargetType, _ id: SQL, in clinicID: UUID) -> SQL {
        """
        SELECT offline_locks.token
        FROM offline_lock_targets AS target
        JOIN offline_locks USING (clinic_id, token)
        WHERE target.clinic_id = \(clinicID)
            AND target.object_type = \(type)
            AND target.object_id = \(fragment: id)
            AND offline_locks.token = \(token)
            AND offline_locks.holder = \(holder)
            AND offline_locks.expires_at > clock_timestamp()
        FOR SHARE OF offline_locks
        """
    }
}

extension Pipeline {
    /// Queues the question whether the lock on a patient that a request names is good; true if it names
    /// none. The lock stays as it is until the transaction ends.
    /// - Parameter patient: An expression for the patient's id.
    func holdsLock(
        _ token: UUID?, by author: Author, on patient: SQL, in clinicID: UUID
    ) -> Pending<Bool> {
        guard let token else { return Pending { true } }
        let claim = LockClaim(token: token, holder: author.subject)
        return optional(Scalar<UUID>.self, claim.held(on: .patient, patient, in: clinicID))
            .map { $0 != nil }
    }

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
