/// What a change has locked turned out not to be what it needs, because things changed while it waited.
/// Nothing was written; it can be begun again.
struct LocksMissed: Error {}

/// Begins a change again as often as it has missed its locks, up to a limit.
/// - Throws: ``Unavailable``: `overloaded` at the limit; what `change` throws.
func untilLocksFit<Result>(_ change: () async throws -> Result) async throws -> Result {
    for _ in 1...10 {
        do {
            return try await change()
        } catch is LocksMissed {
            continue
        }
    }
    throw Unavailable(reason: .overloaded, cause: "what was locked kept changing")
}
