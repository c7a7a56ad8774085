import NIOCore

/// A deadline on an event loop that moves far more often than it passes. To move it later, or to lift it,
/// costs no timer: the one that is set looks at the deadline when it fires.
final class MovingDeadline {
    private var deadline: NIODeadline?
    private var action: () -> Void = {}
    private var timer: Scheduled<Void>?
    private var firesAt = NIODeadline.distantFuture

    /// Has something done when that long has passed, and nothing of what was to be done before.
    func set(
        in duration: Duration, on eventLoop: any EventLoop, _ action: @escaping () -> Void
    ) {
        let deadline = eventLoop.now + TimeAmount(duration)
        self.deadline = deadline
        self.action = action
        if deadline < firesAt { schedule(at: deadline, on: eventLoop) }
    }

    /// Nothing is to be done any more.
    func lift() {
        deadline = nil
        action = {}
    }

    /// The same, for good: no timer is left.
    func cancel() {
        lift()
        timer?.cancel()
        timer = nil
        firesAt = .distantFuture
    }

    private func schedule(at time: NIODeadline, on eventLoop: any EventLoop) {
        timer?.cancel()
        firesAt = time
        timer = eventLoop.assumeIsolated().scheduleTask(deadline: time) { [self] in
            timer = nil
            firesAt = .distantFuture
            guard let deadline else { return }
            guard deadline <= eventLoop.now else { return schedule(at: deadline, on: eventLoop) }
            let action = action
            lift()
            action()
        }
    }
}
