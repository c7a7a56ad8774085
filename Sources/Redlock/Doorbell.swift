import Glibc

/// Wakes a thread that waits for a socket: a pipe to itself.
final class Doorbell: Sendable {
    /// Readable when it has rung.
    let descriptor: Int32
    private let button: Int32

    init() {
        var ends: [Int32] = [-1, -1]
        precondition(pipe(&ends) == 0, "no descriptors are left")
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        (descriptor, button) = (ends[0], ends[1])
    }

    deinit {
        close(descriptor)
        close(button)
    }

    /// Wakes whoever waits, or will wait next. A pipe that is full has rung often enough.
    func ring() { _ = write(button, "!", 1) }

    /// Whoever waits next is not woken by what rang before.
    func hush() {
        var bytes = [UInt8](repeating: 0, count: 256)
        while read(descriptor, &bytes, bytes.count) == bytes.count {}
    }

    /// Returns when it rings, or at that time.
    func wait(until deadline: ContinuousClock.Instant) {
        var descriptor = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        poll(&descriptor, 1, deadline.millisecondsLeft)
    }
}
