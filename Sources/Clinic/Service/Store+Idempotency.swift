import FoundationEssentials
import Postgres
import Synchronization

extension Store {
    /// Runs a change once for all requests of a key: a later one, which waits for an earlier one in
    /// progress, is given its answer.
    ///
    /// Inside this process duplicates wait without a connection; those of other processes wait for each
    /// other in the database.
    /// - Throws: ``Replayed``; ``IdempotencyKeyReused``; what `body` throws, and then nothing is stored.
    func write<Result: Sendable>(
        to clinicID: UUID, once: Once<Result>?, isCancellable: Bool = true,
        until deadline: Deadline? = nil, _ body: @escaping MarkedChange<Result>.Body
    ) async throws -> Result {
        guard let once else {
            return try await write(
                to: clinicID, isCancellable: isCancellable, until: deadline, body)
        }
        // The wait for an earlier one is part of what the request may take.
        let deadline = deadline ?? nextDeadline
        let key = IdempotencyKey(request: once.request)
        let isFirst = await turns.await(key)
        defer { if isFirst { turns.end(key) } }
        let outcome = try await write(
            to: clinicID, isCancellable: isCancellable, until: deadline
        ) { tx -> Outcome<Once<Result>.Outcome> in
            tx.pipeline.awaitTurn(for: key)
            if let stored = try tx.replay(key) {
                guard stored.isOfThisRequest else { throw IdempotencyKeyReused() }
                return .known(.replayed(stored.answer))
            }
            let result = try body(tx).answer.get()
            guard let answer = once.answer(result) else { return .unchanged(.new(result)) }
            tx.pipeline.store(answer, under: key)
            return .known(.new(result))
        }
        switch outcome {
        case .new(let result): return result
        case .replayed(let answer): throw Replayed(answer: answer)
        }
    }
}

extension Once where Result: Sendable {
    fileprivate enum Outcome: Sendable {
        case new(Result)
        case replayed(StoredAnswer)
    }
}

/// Where an answer is stored.
struct IdempotencyKey: Hashable, Sendable {
    let request: IdempotentRequest

    static func == (one: Self, other: Self) -> Bool {
        one.request.clinicID == other.request.clinicID
            && one.request.author == other.request.author && one.request.key == other.request.key
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(request.clinicID)
        hasher.combine(request.key)
    }

    /// As the table has it.
    fileprivate var subject: SQL {
        switch request.author {
        case .subject(let subject): "\(subject)::text"
        case .anonymous(let body):
            "'anonymous ' || encode(sha256(convert_to(\(body), 'UTF8')), 'hex')"
        }
    }

    fileprivate var fingerprint: SQL { "sha256(convert_to(\(request.content), 'UTF8'))" }
}

/// Has requests of one key come one behind the other, within this process.
///
/// Whoever comes while the first is in progress waits for its end; those then go on together, because
/// what the first one stored is all that they ask for.
final class IdempotencyTurns: Sendable {
    private let waiting = Mutex<[IdempotencyKey: [CheckedContinuation<Bool, Never>]]>([:])

    /// Returns at once if nobody is in progress under the key, else when whoever is has ended.
    /// - Returns: Whether the caller is in progress now, and has to say when it ends.
    func await(_ key: IdempotencyKey) async -> Bool {
        await withCheckedContinuation { continuation in
            let isFirst = waiting.withLock { waiting in
                guard waiting[key] == nil else {
                    waiting[key]?.append(continuation)
                    return false
                }
                waiting[key] = []
                return true
            }
            if isFirst { continuation.resume(returning: true) }
        }
    }

    /// Lets go whoever waits.
    func end(_ key: IdempotencyKey) {
        let continuations = waiting.withLock { $0.removeValue(forKey: key) }
        for continuation in continuations ?? [] { continuation.resume(returning: false) }
    }
}

/// An answer that was found under a key.
private struct FoundAnswer: RowDecodable {
    let answer: StoredAnswer
    let isOfThisRequest: Bool

    init(row: inout Row) throws {
        answer = StoredAnswer(
            status: try row.next(), body: try row.next(), location: try row.next(),
            etag: try row.next())
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
                    'idempotency ' || \(key.request.clinicID)::text || \(fragment: key.subject) || ' '
                        || \(key.request.key),
                    0
                )
            )
            """)
    }

    fileprivate func store(_ answer: StoredAnswer, under key: IdempotencyKey) {
        execute(
            """
            INSERT INTO idempotency_keys (
                clinic_id, subject, key, fingerprint, status, body, location, etag
            )
            VALUES (
                \(key.request.clinicID),
                \(fragment: key.subject),
                \(key.request.key),
                \(fragment: key.fingerprint),
                \(answer.status),
                \(answer.body),
                \(answer.location),
                \(answer.etag)
            )
            ON CONFLICT (clinic_id, subject, key) DO UPDATE
            SET fingerprint = excluded.fingerprint,
                status = excluded.status,
                body = excluded.body,
                location = excluded.location,
                etag = excluded.etag,
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
            WHERE clinic_id = \(key.request.clinicID)
                AND subject = \(fragment: key.subject)
                AND key = \(key.request.key)
                AND created_at > clock_timestamp() - interval '24 hours'
            RETURNING status, body, location, etag, fingerprint = \(fragment: key.fingerprint)
            """)
    }
}
