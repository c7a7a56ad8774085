import FoundationEssentials
import Logging
import Postgres

extension OfflineLockService {
    /// Releases a lock once; it is free when it was released as often as it was acquired.
    ///
    /// By force it is free at once, whoever holds it, and a holder who did not ask for that is told.
    /// - Throws: `lockNotFound`; `notHolder` for who neither holds it nor uses force.
    package func release(
        _ token: UUID, byForce: Bool = false, in clinicID: UUID, by author: Author,
        once: Once<Void>? = nil
    ) async throws {
        let ids = LockEnding.IDs(store.newID)
        try await store.write(to: clinicID, once: once) { tx in
            try tx.release(token, byForce: byForce, ids, in: clinicID, by: author)
            return .known(())
        }
    }

    /// Runs `body` under a lock that it acquires and, whether `body` returns or throws, releases once.
    ///
    /// - Throws: What ``acquire(_:in:by:)`` and `body` throw.
    package func withOfflineLock<Result: Sendable>(
        on targets: [LockTarget], holder: Author, reason: String, in clinicID: UUID,
        _ body: @Sendable (LockClaim) async throws -> Result
    ) async throws -> Result {
        let lock = try await acquire(
            LockRequest(targets: targets, reason: reason), in: clinicID, by: holder
        ).lock
        let outcome: Swift.Result<Result, any Error>
        do {
            outcome = .success(try await body(LockClaim(token: lock.token, holder: holder.subject)))
        } catch {
            outcome = .failure(error)
        }
        // Of its own, so that whoever cancels the work does not cancel its end.
        await Task {
            do {
                try await release(lock.token, in: clinicID, by: holder)
            } catch LockError.lockNotFound {
                // Lost meanwhile; what was written under it has found that out by itself.
            } catch {
                // The work is done all the same, and the lock ends by its expiry.
                store.environment.logger.warning(
                    "a lock was not released", metadata: ["cause": "\(error)"])
            }
        }.value
        return try outcome.get()
    }
}

extension Transaction {
    fileprivate func release(
        _ token: UUID, byForce: Bool, _ ids: LockEnding.IDs, in clinicID: UUID, by author: Author
    ) throws {
        pipeline.takeLock(token, in: clinicID)
        guard let lock = try pipeline.lock(token, in: clinicID).get() else {
            throw LockError.lockNotFound
        }
        let isOwn = lock.holder == author.subject
        guard isOwn || byForce else { throw LockError.notHolder(lock) }
        guard byForce || lock.depth == 1 else {
            pipeline.execute(
                """
                UPDATE offline_locks
                SET depth = depth - 1, version = version + 1
                WHERE clinic_id = \(clinicID) AND token = \(token)
                """)
            let left = try pipeline.takenLock(token, in: clinicID).get()
            pipeline.record(left, "lock.released", ids.entry, in: clinicID, by: author)
            return
        }
        pipeline.end(
            LockEnding(
                of: lock, isOwn ? "lock.released" : "lock.broken", by: author, isTold: !isOwn,
                ids: ids), in: clinicID)
    }
}
