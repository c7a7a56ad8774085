import FoundationEssentials
import Postgres

extension Store {
    /// Runs a change once for all requests of a key: a later one, which waits for an earlier one in
    /// progress, is given its answer.
    ///
    /// Inside this process duplicates wait without a connection; those of other processes wait for each
    /// other in the database.
    /// - Throws: ``Replayed``; ``IdempotencyKeyReused``; what `body` throws, and then nothing is stored.
    func write<Result: Sendable>(
        to clinicID: UUID, once: Once<Result>?, isCancellable: Bool = true,
        _ body: @escaping MarkedChange<Result>.Body
    ) async throws -> Result {
        try await inTurn(of: once) { deadline in
            try await writeOnce(
                to: clinicID, once, isCancellable: isCancellable, until: deadline, body)
        }
    }

    /// Calls `body` when nobody in this process is in progress under the key; at once without a key.
    /// - Parameter body: Is told until when it may take: the wait is part of what the request may.
    func inTurn<Result>(
        of once: Once<Result>?, _ body: (Deadline) async throws -> Result
    ) async throws -> Result {
        let deadline = nextDeadline
        guard let once else { return try await body(deadline) }
        let key = IdempotencyKey(request: once.request)
        let isFirst = await turns.await(key)
        defer { if isFirst { turns.end(key) } }
        return try await body(deadline)
    }

    /// Whether nobody has asked under the key, by now: it has no answer, and nobody is in progress under it.
    func isUnused<Result>(_ once: Once<Result>, until deadline: Deadline) async throws -> Bool {
        let key = IdempotencyKey(request: once.request)
        return try await read(until: deadline) { tx in tx.pipeline.tryTurns(for: [key]) } == [true]
    }

    /// Runs a change once for all requests of a key, whatever other processes do; simply runs it without a key.
    func writeOnce<Result: Sendable>(
        to clinicID: UUID, _ once: Once<Result>?, isCancellable: Bool = true,
        until deadline: Deadline, _ body: @escaping MarkedChange<Result>.Body
    ) async throws -> Result {
        guard let once else {
            return try await write(
                to: clinicID, isCancellable: isCancellable, until: deadline, body)
        }
        let key = IdempotencyKey(request: once.request)
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
            tx.pipeline.keep([KeptAnswer(key: key, answer: answer)])
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
