import Synchronization

/// Leases lanes: decides with ``PoolStateMachine`` under its lock, resumes callers outside it.
final class Pool: Sendable {
    fileprivate struct State {
        var machine: PoolStateMachine
        var lanes: [PoolStateMachine.LaneID: Lane] = [:]
        var waiters: [PoolStateMachine.WaiterID: Waiter] = [:]
        var nextWaiter = 0
    }

    fileprivate struct Waiter {
        let continuation: CheckedContinuation<Lease, any Error>
        var timeout: Task<Void, Never>?
    }

    /// A lane and the duty to release it.
    struct Lease {
        fileprivate let id: PoolStateMachine.LaneID
        let lane: Lane
    }

    private let state: Mutex<State>

    init(size: Int, waitingLimit: Int) {
        state = Mutex(State(machine: PoolStateMachine(size: size, waitingLimit: waitingLimit)))
    }

    /// Calls `body` with a lane that is nobody else's meanwhile.
    /// - Throws: `poolTimeout` if none was free by `deadline` or too many waited already;
    ///   `CancellationError` if the task was cancelled while it waited; what `body` throws.
    func withLane<Result: Sendable>(
        until deadline: Deadline, _ body: (Lane) async throws -> Result
    ) async throws -> Result {
        let lease = try await lease(until: deadline)
        do {
            let result = try await body(lease.lane)
            await release(lease)
            return result
        } catch {
            await release(lease)
            throw error
        }
    }

    /// Refuses new leases, fails those who wait, and closes every lane that is free. Lanes in use
    /// close when they are released.
    func close() async {
        let (lanes, waiters) = state.withLock { state in
            let action = state.machine.close()
            return (
                action.lanes.compactMap { state.lanes.removeValue(forKey: $0) },
                action.waiters.compactMap { state.waiters.removeValue(forKey: $0) }
            )
        }
        for waiter in waiters { waiter.fail(.closed) }
        for lane in lanes { await lane.close() }
    }

    private func lease(until deadline: Deadline) async throws -> Lease {
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                enter(id, continuation, until: deadline)
                // The handler below ran too early if the task was cancelled before this line.
                if Task.isCancelled { giveUp(id, CancellationError()) }
            }
        } onCancel: {
            giveUp(id, CancellationError())
        }
    }

    private func enter(
        _ id: PoolStateMachine.WaiterID, _ continuation: CheckedContinuation<Lease, any Error>,
        until deadline: Deadline
    ) {
        enum Outcome {
            case lease(Lease)
            case refusal(PoolRefusal)
            case waiting
        }
        let outcome: Outcome = state.withLock { state in
            switch state.machine.lease(id) {
            case .grant(let lane): return .lease(state.lease(lane))
            case .refuse(let refusal): return .refusal(refusal)
            case .wait:
                state.waiters[id] = Waiter(
                    continuation: continuation, timeout: timeout(for: id, at: deadline))
                return .waiting
            }
        }
        switch outcome {
        case .lease(let lease): continuation.resume(returning: lease)
        case .refusal(let refusal): continuation.resume(throwing: refusal.error)
        case .waiting: break
        }
    }

    private func timeout(
        for id: PoolStateMachine.WaiterID, at deadline: Deadline
    ) -> Task<Void, Never> {
        Task {
            // Cancelled when the waiter is served.
            guard (try? await Task.sleep(until: deadline, clock: .continuous)) != nil else {
                return
            }
            giveUp(id, PoolRefusal.timedOut.error)
        }
    }

    private func giveUp(_ id: PoolStateMachine.WaiterID, _ error: any Error) {
        let waiter = state.withLock { state in
            state.machine.abandon(id) ? state.waiters.removeValue(forKey: id) : nil
        }
        waiter?.resume { $0.resume(throwing: error) }
    }

    private func release(_ lease: Lease) async {
        let (waiter, closed): (Waiter?, Lane?) = state.withLock { state in
            switch state.machine.release(lease.id) {
            case .grant(_, let waiter): (state.waiters.removeValue(forKey: waiter), nil)
            case .park: (nil, nil)
            case .close(let lane): (nil, state.lanes.removeValue(forKey: lane))
            }
        }
        waiter?.resume { $0.resume(returning: lease) }
        await closed?.close()
    }
}

extension Pool.State {
    /// The lane of that number, made on its first lease.
    fileprivate mutating func lease(_ id: PoolStateMachine.LaneID) -> Pool.Lease {
        let lane = lanes[id] ?? Lane(name: "postgres-\(id)")
        lanes[id] = lane
        return Pool.Lease(id: id, lane: lane)
    }
}

extension Pool.Waiter {
    fileprivate func resume(_ body: (CheckedContinuation<Pool.Lease, any Error>) -> Void) {
        timeout?.cancel()
        body(continuation)
    }

    fileprivate func fail(_ refusal: PoolRefusal) {
        resume { $0.resume(throwing: refusal.error) }
    }
}

extension PoolRefusal {
    fileprivate var error: PostgresError {
        let message =
            switch self {
            case .closed: "the pool is closed"
            case .tooManyWaiting: "too many callers wait for a connection already"
            case .timedOut: "no connection was free in time"
            }
        return PostgresError(kind: .poolTimeout, message: message)
    }
}
