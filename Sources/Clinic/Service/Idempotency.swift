import FoundationEssentials
import Postgres

/// A request that its author may send again, and that is to have one effect and one answer.
package struct IdempotentRequest: Hashable, Sendable {
    /// The author's word for it, unique among the author's requests of 24 hours.
    package let key: String
    /// Everything that makes it this request and not another one.
    package let content: String

    package init(key: String, content: String) {
        self.key = key
        self.content = content
    }
}

/// An answer as it was given, to be given again.
package struct StoredAnswer: Hashable, Sendable {
    package let status: Int
    /// JSON, or nothing.
    package let body: String
    /// Where what was made is.
    package let location: String?

    package init(status: Int, body: String = "", location: String? = nil) {
        self.status = status
        self.body = body
        self.location = location
    }
}

/// A key was sent with another request than the one that it belongs to.
package struct IdempotencyKeyReused: Error, Hashable, Sendable {}

extension Store {
    /// Runs a change as ``write(to:isCancellable:until:_:)`` does, and once for all requests of that key:
    /// a later one, which waits for an earlier one in progress, is given its answer.
    /// - Parameter answer: What the author is told of the result; stored with the change.
    /// - Returns: The answer, and whether it is an earlier one.
    /// - Throws: ``IdempotencyKeyReused``; as `write`.
    func write<Result: Sendable>(
        to clinicID: UUID, once request: IdempotentRequest, by author: Author,
        answer: @escaping @Sendable (Result) -> StoredAnswer,
        _ body: @escaping MarkedChange<Result>.Body
    ) async throws -> (answer: StoredAnswer, isReplay: Bool) {
        let key = IdempotencyKey(request, in: clinicID, by: author)
        return try await write(to: clinicID) { tx in
            tx.pipeline.awaitTurn(for: key)
            if let stored = try tx.replay(key) {
                guard stored.isOfThisRequest else { throw IdempotencyKeyReused() }
                return .known((stored.answer, true))
            }
            let told = answer(try body(tx).answer.get())
            tx.pipeline.store(told, under: key)
            return .known((told, false))
        }
    }
}

/// Where an answer is stored.
private struct IdempotencyKey: Sendable {
    let clinicID: UUID
    let subject: String
    let key: String
    let content: String

    init(_ request: IdempotentRequest, in clinicID: UUID, by author: Author) {
        self.clinicID = clinicID
        subject = author.subject
        key = request.key
        content = request.content
    }
}

/// An answer that was found under a key.
private struct FoundAnswer: RowDecodable {
    let answer: StoredAnswer
    let isOfThisRequest: Bool

    init(row: inout Row) throws {
        answer = StoredAnswer(
            status: try row.next(), body: try row.next(), location: try row.next())
        isOfThisRequest = try row.next()
    }
}

extension Pipeline {
    /// Queues the wait for a request of the same key that is in progress.
    fileprivate func awaitTurn(for key: IdempotencyKey) {
        execute(
            """
            SELECT pg_advisory_xact_lock(
                hashtextextended(
                    'idempotency ' || \(key.clinicID)::text || \(key.subject) || ' ' || \(key.key), 0
                )
            )
            """)
    }

    fileprivate func store(_ answer: StoredAnswer, under key: IdempotencyKey) {
        execute(
            """
            INSERT INTO idempotency_keys (
                clinic_id, subject, key, fingerprint, status, body, location
            )
            VALUES (
                \(key.clinicID),
                \(key.subject),
                \(key.key),
                sha256(convert_to(\(key.content), 'UTF8')),
                \(answer.status),
                \(answer.body),
                \(answer.location)
            )
            ON CONFLICT (clinic_id, subject, key) DO UPDATE
            SET fingerprint = excluded.fingerprint,
                status = excluded.status,
                body = excluded.body,
                location = excluded.location,
                created_at = excluded.created_at,
                replays = 0
            """)
    }
}

extension Transaction {
    /// The answer under a key that is not too old. Its row is written once more: a synchronous standby
    /// that has this commit has the first one, too.
    fileprivate func replay(_ key: IdempotencyKey) throws -> FoundAnswer? {
        try optional(
            FoundAnswer.self,
            """
            UPDATE idempotency_keys
            SET replays = replays + 1
            WHERE clinic_id = \(key.clinicID)
                AND subject = \(key.subject)
                AND key = \(key.key)
                AND created_at > clock_timestamp() - interval '24 hours'
            RETURNING
                status,
                body,
                location,
                fingerprint = sha256(convert_to(\(key.content), 'UTF8'))
            """)
    }
}
