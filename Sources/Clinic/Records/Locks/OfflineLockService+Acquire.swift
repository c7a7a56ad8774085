import FoundationEssentials
import Postgres

extension OfflineLockService {
    /// A lock, and whether it is a new one or was acquired once more.
    package struct Acquired: Hashable, Sendable {
        package let lock: OfflineLock
        package let isNew: Bool
    }

    /// Acquires a lock on all targets or on none.
    ///
    /// An advisory lock on each target, taken in one order, keeps apart those who want the same target
    /// while it has no row; the rows of the locks in the way keep apart those who renew, release or use
    /// one. Only then is read how things are, and what time it is.
    /// - Throws: `LockError.locked`; `RecordError.patientNotFound`.
    package func acquire(
        _ request: LockRequest, in clinicID: UUID, by author: Author,
        once: Once<Acquired>? = nil
    ) async throws -> Acquired {
        let ids = LockIDs(store.newID, targets: request.targets.count)
        return try await store.write(to: clinicID, once: once) { tx in
            .known(try tx.acquire(request, ids, in: clinicID, by: author))
        }
    }
}

extension Transaction {
    fileprivate func acquire(
        _ request: LockRequest, _ ids: LockIDs, in clinicID: UUID, by author: Author
    ) throws -> OfflineLockService.Acquired {
        pipeline.awaitTurn(for: request.targets, in: clinicID)
        pipeline.takeLocks(on: request.targets, in: clinicID)
        let missing = pipeline.missing(request.targets, in: clinicID)
        let locks = try pipeline.locks(on: request.targets, in: clinicID).get()
        if let type = try missing.get() { throw type.notFound }

        if let lock = locks.first(where: \.isInForce) {
            guard lock.mayBeAcquiredAgain(by: author, asking: request) else {
                throw LockError.locked(lock, lock.target(inTheWayOf: request))
            }
            let again = try acquireAgain(lock, request, in: clinicID)
            pipeline.record(again, "lock.reacquired", ids.entry, in: clinicID, by: author)
            return OfflineLockService.Acquired(lock: again, isNew: false)
        }
        for (lock, ids) in zip(locks, ids.endings) {
            pipeline.end(.expiry(of: lock, ids: ids), in: clinicID)
        }
        let lock = try make(request, ids, in: clinicID, by: author)
        pipeline.record(lock, "lock.acquired", ids.entry, in: clinicID, by: author)
        return OfflineLockService.Acquired(lock: lock, isNew: true)
    }
}

/// The ids of what a new lock writes.
struct LockIDs: Sendable {
    let token: UUID
    let entry: UUID
    /// Of the locks that it may find expired.
    let endings: [LockEnding.IDs]

    init(_ newID: () -> UUID, targets: Int) {
        token = newID()
        entry = newID()
        endings = (0..<targets).map { _ in LockEnding.IDs(newID) }
    }
}

extension OfflineLock {
    /// Whether it is what the caller has already and asks for.
    fileprivate func mayBeAcquiredAgain(by author: Author, asking request: LockRequest) -> Bool {
        holder == author.subject && isReentrant && request.mode == .reentrant
            && Set(targets) == Set(request.targets)
    }

    /// What of the request it is on.
    fileprivate func target(inTheWayOf request: LockRequest) -> LockTarget {
        request.targets.first(where: targets.contains) ?? request.targets[0]
    }
}

extension Pipeline {
    /// Queues the wait for those who are acquiring any of the targets, in the order of what is waited
    /// for, so that nobody waits crosswise.
    fileprivate func awaitTurn(for targets: [LockTarget], in clinicID: UUID) {
        execute(
            """
            SELECT pg_advisory_xact_lock(turn.key)
            FROM (
                SELECT DISTINCT
                    hashtextextended('offline lock ' || \(clinicID)::text || type || id, 0) AS key
                FROM unnest(\(targets.map(\.type)), \(targets.map(\.id))) AS target (type, id)
                ORDER BY key
            ) AS turn
            """)
    }

    /// Queues the taking of the rows of all locks on any of the targets.
    fileprivate func takeLocks(on targets: [LockTarget], in clinicID: UUID) {
        execute(
            """
            SELECT
            FROM offline_locks
            WHERE clinic_id = \(clinicID)
                AND token IN (\(fragment: Self.tokens(of: targets, in: clinicID)))
            ORDER BY token
            FOR UPDATE
            """)
    }

    /// Queues the reading of all locks on any of the targets.
    fileprivate func locks(
        on targets: [LockTarget], in clinicID: UUID
    ) -> Pending<[OfflineLock]> {
        all(
            OfflineLock.self,
            """
            SELECT \(fragment: OfflineLock.columns(in: clinicID))
            FROM offline_locks
            WHERE clinic_id = \(clinicID)
                AND token IN (\(fragment: Self.tokens(of: targets, in: clinicID)))
            ORDER BY since, token
            """)
    }

    private static func tokens(of targets: [LockTarget], in clinicID: UUID) -> SQL {
        """
        SELECT held.token
        FROM offline_lock_targets AS held
        JOIN unnest(\(targets.map(\.type)), \(targets.map(\.id))) AS target (type, id)
            ON held.object_type = target.type AND held.object_id = target.id
        WHERE held.clinic_id = \(clinicID)
        """
    }

    /// Queues the question whether there is a type of which a target does not exist.
    fileprivate func missing(
        _ targets: [LockTarget], in clinicID: UUID
    ) -> Pending<LockTargetType?> {
        let types = Dictionary(grouping: targets, by: \.type).mapValues { $0.map(\.id) }
        let counts = types.map { type, ids in
            all(Scalar<UUID>.self, type.existing(ids, in: clinicID)).map {
                $0.count < ids.count ? type : nil
            }
        }
        return Pending { try counts.compactMap { try $0.get() }.first }
    }
}

extension Transaction {
    /// Makes the lock. Its number is drawn now, when nobody else can acquire any of its targets, so it
    /// is higher than those of all earlier locks on them.
    fileprivate func make(
        _ request: LockRequest, _ ids: LockIDs, in clinicID: UUID, by author: Author
    ) throws -> OfflineLock {
        pipeline.execute(
            """
            INSERT INTO offline_locks (
                clinic_id,
                token,
                fencing_token,
                holder,
                holder_email,
                reason,
                is_reentrant,
                on_expiry,
                ttl,
                expires_at
            )
            VALUES (
                \(clinicID),
                \(ids.token),
                nextval('offline_lock_fencing'),
                \(author.subject),
                \(request.email),
                \(request.reason),
                \(request.mode != .once),
                \(request.onExpiry),
                make_interval(secs => \(request.lifetime)),
                clock_timestamp() + make_interval(secs => \(request.lifetime))
            )
            """)
        pipeline.execute(
            """
            INSERT INTO offline_lock_targets (clinic_id, object_type, object_id, token)
            SELECT \(clinicID), type, id, \(ids.token)
            FROM unnest(\(request.targets.map(\.type)), \(request.targets.map(\.id)))
                AS target (type, id)
            """)
        return try pipeline.takenLock(ids.token, in: clinicID).get()
    }

    fileprivate func acquireAgain(
        _ lock: OfflineLock, _ request: LockRequest, in clinicID: UUID
    ) throws -> OfflineLock {
        pipeline.execute(
            """
            UPDATE offline_locks
            SET depth = depth + 1,
                ttl = greatest(ttl, make_interval(secs => \(request.lifetime))),
                expires_at = greatest(
                    expires_at, statement_timestamp() + make_interval(secs => \(request.lifetime))
                ),
                version = version + 1
            WHERE clinic_id = \(clinicID) AND token = \(lock.token)
            """)
        return try pipeline.takenLock(lock.token, in: clinicID).get()
    }
}
