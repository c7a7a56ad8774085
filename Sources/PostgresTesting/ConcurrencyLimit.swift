/// Tests that use PostgreSQL at the same time.
let few = ConcurrencyLimit(6)

/// Lets a bounded number of callers in; the others wait in line.
actor ConcurrencyLimit {
    private var free: Int
    private var line: [CheckedContinuation<Void, Never>] = []

    init(_ limit: Int) { free = limit }

    /// Calls `body` when its turn comes.
    nonisolated func perform<Result: Sendable>(
        _ body: @Sendable () async throws -> Result
    ) async throws -> Result {
        await enter()
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await body())
        } catch {
            result = .failure(error)
        }
        await leave()
        return try result.get()
    }

    private func enter() async {
        if free > 0 {
            free -= 1
        } else {
            await withCheckedContinuation { line.append($0) }
        }
    }

    private func leave() {
        if line.isEmpty {
            free += 1
        } else {
            line.removeFirst().resume()
        }
    }
}
