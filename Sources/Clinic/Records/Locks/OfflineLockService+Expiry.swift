import FoundationEssentials
import Postgres

extension OfflineLockService {
    /// Ends the locks of all clinics that have expired, those apart that are kept until they are
    /// released by hand. Several instances may do it at once.
    ///
    /// Nobody's access depends on it: whoever acquires a target ends an expired lock on it, too.
    /// - Returns: How many it ended.
    @discardableResult
    package func sweep() async throws -> Int {
        let clinics = try await store.read { tx in
            tx.pipeline.all(
                Scalar<UUID>.self,
                """
                SELECT id
                FROM clinics
                WHERE EXISTS (
                    SELECT
                    FROM offline_locks
                    WHERE offline_locks.clinic_id = clinics.id
                        AND expires_at <= statement_timestamp()
                        AND on_expiry <> 'keep'
                )
                """)
        }
        var ended = 0
        for clinic in clinics.shuffled() { ended += try await sweep(clinic.value) }
        return ended
    }

    private func sweep(_ clinicID: UUID) async throws -> Int {
        let ids = (0..<100).map { _ in LockEnding.IDs(store.newID) }
        return try await store.write(to: clinicID) { tx in
            // Whoever is renewing one has it; it is not to be waited for.
            let taken = try tx.all(
                Scalar<UUID>.self,
                """
                SELECT token
                FROM offline_locks
                WHERE clinic_id = \(clinicID)
                    AND expires_at <= statement_timestamp()
                    AND on_expiry <> 'keep'
                ORDER BY token
                LIMIT \(ids.count)
                FOR UPDATE SKIP LOCKED
                """)
            // As they are now that they are taken.
            let locks = try tx.all(
                OfflineLock.self,
                """
                SELECT \(fragment: OfflineLock.columns(in: clinicID))
                FROM offline_locks
                WHERE clinic_id = \(clinicID) AND token = ANY(\(taken.map(\.value)))
                """)
            let expired = locks.filter { !$0.isInForce }
            for (lock, ids) in zip(expired, ids) {
                tx.pipeline.end(.expiry(of: lock, ids: ids), in: clinicID)
            }
            return expired.isEmpty ? .unchanged(0) : .known(expired.count)
        }
    }
}
