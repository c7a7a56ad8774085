import FoundationEssentials
import Postgres

/// The end of a lock: the row goes, the journal says why, and its holder is told where that is due.
struct LockEnding: Sendable {
    let lock: OfflineLock
    /// For the journal: how it came about.
    let action: String
    let author: Author
    let ids: IDs
    /// Whether the holder is told, if an address is known.
    let isTold: Bool

    /// The ids of what an ending writes.
    struct IDs: Sendable {
        let entry: UUID
        let message: UUID

        init(_ newID: () -> UUID) {
            entry = newID()
            message = newID()
        }
    }

    init(of lock: OfflineLock, _ action: String, by author: Author, isTold: Bool, ids: IDs) {
        self.lock = lock
        self.action = action
        self.author = author
        self.ids = ids
        self.isTold = isTold
    }

    /// By its expiry.
    static func expiry(of lock: OfflineLock, ids: IDs) -> LockEnding {
        LockEnding(
            of: lock, "lock.expired",
            by: Author(subject: "system:locks", requestID: "system:locks"),
            isTold: lock.onExpiry == .notify, ids: ids)
    }
}

extension Pipeline {
    /// Queues the end of a lock whose row the transaction has taken.
    func end(_ ending: LockEnding, in clinicID: UUID) {
        let version = ending.lock.version + 1
        record(
            JournalEntry(
                id: ending.ids.entry, clinicID: clinicID, objectType: .lock,
                objectID: ending.lock.token, version: version, action: ending.action,
                author: ending.author, detail: ending.lock.detail))
        if ending.isTold {
            execute(
                """
                INSERT INTO outbox (\(fragment: OutboxEntry.columns))
                SELECT
                    \(clinicID),
                    \(ending.action),
                    \(ending.lock.token)::text || ':' || \(version)::text,
                    \(ending.ids.message),
                    holder_email,
                    'queued',
                    NULL
                FROM offline_locks
                WHERE clinic_id = \(clinicID)
                    AND token = \(ending.lock.token)
                    AND holder_email IS NOT NULL
                """)
        }
        execute(
            "DELETE FROM offline_locks WHERE clinic_id = \(clinicID) AND token = \(ending.lock.token)"
        )
    }

    /// Queues the journal's row of a lock's new version.
    func record(
        _ lock: OfflineLock, _ action: String, _ id: UUID, in clinicID: UUID, by author: Author
    ) {
        record(
            JournalEntry(
                id: id, clinicID: clinicID, objectType: .lock, objectID: lock.token,
                version: lock.version, action: action, author: author,
                detail: lock.detail))
    }
}

extension OfflineLock {
    /// For the journal: the lock as it is; a `jsonb` expression.
    fileprivate var detail: SQL {
        """
        jsonb_build_object(
            'holder', \(holder),
            'reason', \(reason),
            'depth', \(depth),
            'fencing_token', \(fencingToken),
            'since', \(since),
            'expires_at', \(expiresAt),
            'targets', \(targetsAsJSON)::jsonb
        )
        """
    }

    /// Neither a type nor an id has a character in it that JSON would want escaped.
    private var targetsAsJSON: String {
        let objects = targets.map { target in
            #"{"type": "\#(target.type.rawValue)", "id": "\#(target.id.uuidString.lowercased())"}"#
        }
        return "[\(objects.joined(separator: ", "))]"
    }
}
