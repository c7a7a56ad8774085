import FoundationEssentials
import Postgres

/// What a change has locked turned out not to be what it needs, because things changed while it waited.
/// Nothing was written; it can be begun again.
struct LocksMissed: Error {}

extension Store {
    /// Makes a change, and begins it again as often as it has missed its locks, up to a limit; all of that is
    /// one turn of its key.
    /// - Parameter body: Is told which attempt it is, from 1.
    /// - Throws: ``Unavailable``: `overloaded` at the limit; what ``write(to:once:isCancellable:_:)`` throws.
    func write<Result: Sendable>(
        to clinicID: UUID, once: Once<Result>?,
        untilLocksFit body:
            @escaping @Sendable (Transaction, _ attempt: Int) throws -> Outcome<Result>
    ) async throws -> Result {
        try await inTurn(of: once) { deadline in
            for attempt in 1...10 {
                do {
                    return try await writeOnce(to: clinicID, once, until: deadline) { tx in
                        try body(tx, attempt)
                    }
                } catch is LocksMissed {
                    continue
                }
            }
            throw Unavailable(reason: .overloaded, cause: "what was locked kept changing")
        }
    }
}
