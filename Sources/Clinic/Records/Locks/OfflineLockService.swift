import FoundationEssentials
import Postgres

/// Locks that keep others out of a record across several requests.
///
/// Whoever has one names it with each write, and the write looks at the lock's row before it touches
/// the record (``LockClaim``). Whatever changes a lock, a take-over behind its expiry included, takes
/// that row `FOR UPDATE`: it waits for such writes, and they for it.
package struct OfflineLockService: Sendable {
    let store: Store

    package init(store: Store) { self.store = store }
}

extension OfflineLockService {
    /// A clinic's locks that keep others out, oldest first.
    /// - Parameters:
    ///   - type: Only those on a target of this type.
    ///   - id: Only those on the target of this id.
    /// - Throws: `CalendarError.clinicNotFound`.
    package func locks(
        in clinicID: UUID, on type: LockTargetType?, _ id: UUID?, _ page: PageRequest
    ) async throws -> Page<OfflineLock> {
        let types = type.map { [$0] } ?? LockTargetType.allCases
        let idCondition: SQL = id.map { "AND object_id = \($0)" } ?? .nothing
        return try await store.page(
            page, in: clinicID, by: { Keyset(time: $0.since, id: $0.token) }
        ) { pipeline in
            pipeline.all(
                OfflineLock.self,
                """
                SELECT \(fragment: OfflineLock.columns(in: clinicID))
                FROM offline_locks
                WHERE clinic_id = \(clinicID)
                    AND (expires_at > clock_timestamp() OR on_expiry = 'keep')
                    AND EXISTS (
                        SELECT
                        FROM offline_lock_targets AS target
                        WHERE target.clinic_id = \(clinicID)
                            AND target.token = offline_locks.token
                            AND target.object_type = ANY(\(types))
                            \(fragment: idCondition)
                    )
                    AND (since, token) > (\(page.start.time), \(page.start.id))
                ORDER BY since, token
                LIMIT \(page.rowsToRead)
                """)
        }
    }

    /// Has a lock last for as long again as it was asked for; never less long than it would.
    /// - Throws: `lockLost`.
    package func renew(
        _ token: UUID, in clinicID: UUID, by author: Author, once: Once<OfflineLock>? = nil
    ) async throws -> OfflineLock {
        let entryID = store.newID()
        return try await store.write(to: clinicID, once: once) { tx in
            tx.pipeline.takeLock(token, in: clinicID)
            // The sum in UTC, whatever the session's time zone: Citus sends no UPDATE to a worker that
            // would be another one under another zone.
            let renewals = tx.pipeline.execute(
                """
                UPDATE offline_locks
                SET expires_at = greatest(
                        expires_at,
                        (statement_timestamp() AT TIME ZONE 'UTC' + ttl) AT TIME ZONE 'UTC'
                    ),
                    version = version + 1
                WHERE clinic_id = \(clinicID)
                    AND token = \(token)
                    AND holder = \(author.subject)
                    AND (expires_at > statement_timestamp() OR on_expiry = 'keep')
                """)
            let lock = tx.pipeline.lock(token, in: clinicID)
            guard try renewals.get() == 1, let renewed = try lock.get() else {
                throw LockError.lockLost
            }
            tx.pipeline.record(
                JournalEntry(
                    id: entryID, clinicID: clinicID, objectType: .lock, objectID: token,
                    version: renewed.version, action: "lock.renewed", author: author,
                    detail: "jsonb_build_object('expires_at', \(renewed.expiresAt))"))
            return .known(renewed)
        }
    }
}

extension Pipeline {
    /// Queues the taking of a lock's row, so that what follows sees it as it is and as the clock is.
    func takeLock(_ token: UUID, in clinicID: UUID) {
        execute(
            """
            SELECT
            FROM offline_locks
            WHERE clinic_id = \(clinicID) AND token = \(token)
            FOR UPDATE
            """)
    }

    /// Queues the reading of a lock.
    func lock(_ token: UUID, in clinicID: UUID) -> Pending<OfflineLock?> {
        optional(OfflineLock.self, query(for: token, in: clinicID))
    }

    /// Queues the reading of a lock whose row this transaction has.
    func takenLock(_ token: UUID, in clinicID: UUID) -> Pending<OfflineLock> {
        one(OfflineLock.self, query(for: token, in: clinicID))
    }

    private func query(for token: UUID, in clinicID: UUID) -> SQL {
        """
        SELECT \(fragment: OfflineLock.columns(in: clinicID))
        FROM offline_locks
        WHERE clinic_id = \(clinicID) AND token = \(token)
        """
    }
}
