import NIOCore

/// A deadline on an event loop that moves far more often than it passes. To move it later, or to lift it,
/// costs no timer: the one that is set looks at the deadline when it fires.
struct MovingDeadline {
    private final class State {
        var deadline: NIODeadline?
        var action: () -> Void = {}
        var timer: Scheduled<Void>?
        var firesAt = NIODeadline.distantFuture
    }

    private let state = State()

    /// Has something done when that long has passed, and nothing of what was to be done before.
    func set(
        in duration: Duration, on eventLoop: any EventLoop, _ action: @escaping () -> Void
    ) {
        let deadline = NIODeadline.now() + TimeAmount(duration)
        state.deadline = deadline
        state.action = action
        if deadline < state.firesAt { Self.schedule(state, on: eventLoop, at: deadline) }
    }

    /// Nothing is to be done any more.
    func lift() {
        state.deadline = nil
        state.action = {}
    }

    /// The same, for good: no timer is left.
    func cancel() {
        lift()
        state.timer?.cancel()
        state.timer = nil
        state.firesAt = .distantFuture
    }

    private static func schedule(
        _ state: State, on eventLoop: any EventLoop, at deadline: NIODeadline
    ) {
        state.timer?.cancel()
        state.firesAt = deadline
        state.timer = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            state.timer = nil
            state.firesAt = .distantFuture
            guard let deadline = state.deadline else { return }
            if deadline <= .now() {
                let action = state.action
                state.deadline = nil
                state.action = {}
                action()
            } else {
                schedule(state, on: eventLoop, at: deadline)
            }
        }
    }
}
