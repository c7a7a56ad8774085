import Dispatch
import Foundation
import Logging
import Synchronization

/// One of the servers, and the thread that speaks to it.
///
/// hiredis blocks; it does so here, never on a thread that tasks share. What several callers send while the
/// thread waits for the server goes together, in the order in which it came. A server that does not answer is
/// asked nothing more until it can be connected to again, which the thread tries by itself: callers are told
/// at once that it is away.
///
/// A server that was started a moment ago may have forgotten what it granted before. Until everything that it
/// can have granted then has run out it counts as away, too. (The page on Redlock calls this a delayed
/// restart, and leaves it to the operator.)
final class RedisServer: Sendable {
    /// Gets what was said to each command; nil if the server is away. Called once, on whichever thread.
    typealias Reply = @Sendable ([RedisReply]?) -> Void

    private struct Job: Sendable {
        let commands: [[String]]
        let reply: Reply
    }

    private enum Standing: Equatable {
        /// Nobody answers, or nobody was asked yet.
        case away
        /// It answers, and may have forgotten what it granted until then.
        case forgetful(until: ContinuousClock.Instant)
        case closed
    }

    private struct State {
        var standing = Standing.away
        var jobs: [Job] = []
    }

    /// Jobs at the most that wait for one answer.
    private static let roomForJobs = 4096
    /// How long until a server that is away is tried again.
    private static let pause = Duration.seconds(1)
    private static let connectTimeout = Duration.seconds(1)

    let url: RedisURL
    private let timeout: Duration
    private let lifetime: Duration
    private let logger: Logger
    private let state = Mutex(State())
    private let arrival = DispatchSemaphore(value: 0)
    private let end = DispatchGroup()

    /// - Parameters:
    ///   - timeout: For each answer.
    ///   - lifetime: Of whatever it can be asked to grant, at the most.
    init(_ url: RedisURL, timeout: Duration, lifetime: Duration, logger: Logger) {
        self.url = url
        self.timeout = timeout
        self.lifetime = lifetime
        self.logger = logger
        end.enter()
        let thread = Thread { self.work() }
        thread.name = "redis \(url)"
        thread.start()
    }

    /// Sends commands behind those that were sent before.
    func submit(_ commands: [[String]], reply: @escaping Reply) {
        let isTaken = state.withLock { state in
            guard case .forgetful(let end) = state.standing, end <= .now,
                state.jobs.count < Self.roomForJobs
            else { return false }
            state.jobs.append(Job(commands: commands, reply: reply))
            return true
        }
        guard isTaken else { return reply(nil) }
        arrival.signal()
    }

    /// Whether it answers, and remembers.
    var isThere: Bool {
        state.withLock { if case .forgetful(let end) = $0.standing { end <= .now } else { false } }
    }

    /// Answers who waits still, and ends the thread.
    func close() async {
        state.withLock { $0.standing = .closed }
        arrival.signal()
        await withCheckedContinuation { continuation in
            end.notify(queue: .global()) { continuation.resume() }
        }
    }

    private func work() {
        // A server that is gone is an error, and not the end of the process.
        var pipe = sigset_t()
        sigemptyset(&pipe)
        sigaddset(&pipe, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &pipe, nil)
        var connection: RedisConnection?
        var isMissed = false
        while !isClosed {
            if let open = connection {
                arrival.wait()
                if !serve(over: open) { connection = nil }
            } else if let new = connect(isMissed: &isMissed) {
                connection = new
            } else {
                _ = arrival.wait(timeout: .now() + Self.pause.seconds)
            }
        }
        for job in takeJobs() { job.reply(nil) }
        end.leave()
    }

    /// - Parameter isMissed: Whether somebody was told that it is away; once is enough.
    private func connect(isMissed: inout Bool) -> RedisConnection? {
        do {
            let connection = try RedisConnection(
                to: url, connectTimeout: Self.connectTimeout, timeout: timeout)
            let age = Duration.seconds(try connection.uptime())
            state.withLock { state in
                guard state.standing != .closed else { return }
                state.standing = .forgetful(until: .now + max(.zero, lifetime - age))
            }
            if isMissed { logger.notice("a Redis server is back", metadata: ["server": "\(url)"]) }
            isMissed = false
            return connection
        } catch {
            if !isMissed {
                logger.warning(
                    "a Redis server does not answer",
                    metadata: ["server": "\(url)", "cause": "\(error)"])
            }
            isMissed = true
            return nil
        }
    }

    /// - Returns: Whether the connection is still good.
    private func serve(over connection: RedisConnection) -> Bool {
        let jobs = takeJobs()
        guard !jobs.isEmpty else { return true }
        guard let replies = try? connection.perform(jobs.flatMap(\.commands)) else {
            state.withLock { state in
                if state.standing != .closed { state.standing = .away }
            }
            for job in jobs + takeJobs() { job.reply(nil) }
            return false
        }
        var rest = replies[...]
        for job in jobs {
            job.reply(Array(rest.prefix(job.commands.count)))
            rest = rest.dropFirst(job.commands.count)
        }
        return true
    }

    private var isClosed: Bool { state.withLock { $0.standing == .closed } }

    private func takeJobs() -> [Job] {
        state.withLock { state in
            defer { state.jobs = [] }
            return state.jobs
        }
    }
}

extension Duration {
    fileprivate var seconds: Double { self / .seconds(1) }
}
