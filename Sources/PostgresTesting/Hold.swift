import Dispatch
import Postgres

/// Locks that a transaction of the schema's owner holds while a test looks at who waits for them.
package struct Hold: Sendable {
    private let end = DispatchSemaphore(value: 0)

    /// Lets go before the end of the test's own part.
    package func release() { end.signal() }

    /// Returns once it was let go, however often it is asked: a transaction may be tried again.
    fileprivate func wait() {
        end.wait()
        end.signal()
    }
}

/// Calls `body` once a transaction holds what `statements` lock; it ends with `body` at the latest.
/// - Throws: What `body` throws, or why the locks could not be taken.
package func holding(
    _ statements: SQL..., in database: TestDatabase,
    _ body: @Sendable (Hold) async throws -> Void
) async throws {
    let hold = Hold()
    let (isHeld, held) = AsyncStream.makeStream(of: Void.self)
    async let holder: Void = database.owner.transaction { [statements] tx in
        defer { held.finish() }
        for statement in statements { try tx.execute(statement) }
        held.yield()
        hold.wait()
    }
    var outcome: Result<Void, any Error> = .success(())
    for await _ in isHeld.prefix(1) {
        do {
            try await body(hold)
        } catch {
            outcome = .failure(error)
        }
    }
    hold.release()
    try await holder
    try outcome.get()
}
