import Logging
import Postgres

extension Store {
    /// Finds out what became of a change whose `COMMIT` went unanswered, and makes it if it was not
    /// made, on whichever server is the primary by now.
    ///
    /// It is exact where commits are replicated synchronously and an old primary is fenced off.
    ///
    /// - Throws: `doubt` if no server could be asked by `deadline`; what the change throws, once it
    ///   is certain that no run of it was or will be committed.
    func settle<Result: Sendable>(
        _ change: MarkedChange<Result>, after doubt: PostgresError, until deadline: Deadline
    ) async throws -> Result {
        environment.logger.notice("settling a commit in doubt", metadata: ["cause": "\(doubt)"])
        // Nobody may cancel the answer to a question that other callers wait for as well.
        let options = TransactionOptions(isCancellable: false, deadline: deadline)
        var refusal: (any Error)?
        for run in 2... {
            guard .now < deadline, !Task.isCancelled else { break }
            do {
                if let refusal {
                    let committed = try await database.write(options) { tx in
                        try change.refuse(run: run, tx)
                    }
                    guard let committed else { throw Refused(cause: refusal) }
                    return committed
                }
                return try await database.write(options) { tx in
                    try change.settle(run: run, tx)
                }
            } catch let refused as Refused {
                throw refused.cause
            } catch let error where refusal == nil && !error.mayPass {
                refusal = error
            } catch {
                // A cancelled task does not wait; the loop's guard sees it.
                try? await Task.sleep(for: .milliseconds(Int.random(in: 20...200)))
            }
        }
        throw doubt
    }
}

/// A refusal that is final: its marker is committed.
private struct Refused: Error {
    let cause: any Error
}

extension Error {
    /// Whether asking again may bring an answer: the server was away, or lacked something, or
    /// somebody was in the way, the change in doubt itself perhaps.
    fileprivate var mayPass: Bool {
        guard let error = self as? PostgresError else { return false }
        if error.sqlState?.isOfResources == true { return true }
        return switch (error.kind, error.sqlState) {
        case (.connectFailed, _), (.connectionLost, _), (.commitUnknown, _), (.poolTimeout, _): true
        case (.server, .lockNotAvailable?), (.server, .queryCanceled?),
            (.server, .deadlockDetected?), (.server, .serializationFailure?),
            (.server, .transactionRollback?):
            true
        default: false
        }
    }
}
