internal import CLibPQ
import Dispatch
import Synchronization

/// Carries a task's cancellation to the statement that its transaction runs.
///
/// `PQcancel` speaks to the server over a connection of its own and is not ordered with what
/// travels on the cancelled one. So whoever ends the transaction first closes the interruption and
/// waits for a cancel request that is under way: none can hit `COMMIT`, or the next transaction.
final class Interruption: Sendable {
    private struct State {
        var isRequested = false
        var target: CancelTarget?
    }

    private let state = Mutex(State())
    private let requestsUnderWay = DispatchGroup()

    /// Lets `request()` reach the statements of `connection` from now on.
    func open(for connection: Connection) {
        state.withLock { [target = connection.cancelTarget] in $0.target = target }
    }

    /// Cancels what runs now and everything that the transaction would still send. Returns at
    /// once; the talking is done on another thread.
    func request() {
        state.withLock { state in
            state.isRequested = true
            guard let target = state.target else { return }
            requestsUnderWay.enter()
            DispatchQueue.global().async { [requestsUnderWay] in
                target.cancel()
                requestsUnderWay.leave()
            }
        }
    }

    /// - Throws: `CancellationError` once `request()` was called.
    func check() throws(CancellationError) {
        if state.withLock({ $0.isRequested }) { throw CancellationError() }
    }

    /// From here on nothing is cancelled. Waits until a request under way has been delivered; if
    /// that takes too long, the connection is not used again, because it may still be hit.
    /// - Throws: `CancellationError` if a request came before.
    func close(orBreak connection: Connection) throws(CancellationError) {
        state.withLock { $0.target = nil }
        if requestsUnderWay.wait(timeout: .now() + .seconds(5)) == .timedOut {
            connection.markBroken()
        }
        try check()
    }
}

/// libpq's ticket for cancelling what a connection runs.
///
/// `@unchecked Sendable`: libpq documents `PQcancel` as safe from any thread, the ticket never
/// changes, and it is freed with its last reference.
final class CancelTarget: @unchecked Sendable {
    private let ticket: OpaquePointer?

    init(_ handle: OpaquePointer) { ticket = PQgetCancel(handle) }

    deinit { PQfreeCancel(ticket) }

    func cancel() {
        var complaint = [CChar](repeating: 0, count: 256)
        // A request that does not get through leaves the statement to its timeout.
        _ = PQcancel(ticket, &complaint, Int32(complaint.count))
    }
}
