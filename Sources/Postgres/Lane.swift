import Dispatch
import Foundation
import Synchronization

/// A thread and the connection that lives on it.
///
/// libpq blocks, and so do the bodies of transactions; both do it here, never on a thread of
/// Swift's cooperative pool. A lane does one job at a time: whoever leased it.
final class Lane: Sendable {
    /// Gets the lane's connection and may open, replace or drop it.
    typealias Job = @Sendable (inout Connection?) -> Void

    private enum Inbox {
        case empty
        case job(Job)
        case closed
    }

    private let inbox = Mutex(Inbox.empty)
    private let arrival = DispatchSemaphore(value: 0)
    private let end = DispatchGroup()

    init(name: String) {
        end.enter()
        let thread = Thread { [inbox = self] in inbox.work() }
        thread.name = name
        thread.start()
    }

    /// Runs `job` on the lane's thread.
    func run<Result: Sendable>(
        _ job: @escaping @Sendable (inout Connection?) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            submit { connection in
                continuation.resume(with: Swift.Result { try job(&connection) })
            }
        }
    }

    /// Closes the connection and ends the thread, after the job that runs.
    func close() async {
        inbox.withLock { $0 = .closed }
        arrival.signal()
        await withCheckedContinuation { continuation in
            end.notify(queue: .global()) { continuation.resume() }
        }
    }

    private func submit(_ job: @escaping Job) {
        inbox.withLock { inbox in
            guard case .empty = inbox else { preconditionFailure("a lane does one job at a time") }
            inbox = .job(job)
        }
        arrival.signal()
    }

    private func work() {
        var connection: Connection?
        while let job = nextJob() {
            job(&connection)
        }
        connection = nil
        end.leave()
    }

    private func nextJob() -> Job? {
        arrival.wait()
        return inbox.withLock { inbox in
            guard case .job(let job) = inbox else { return nil }
            inbox = .empty
            return job
        }
    }
}
