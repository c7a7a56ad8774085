import Dispatch
import Foundation
import Glibc
import Logging
import Synchronization

/// One of the servers, and the thread that speaks to it.
///
/// Commands go out in the order in which they came, and do not wait for the answers to those before. A server
/// that leaves one of them without an answer for longer than its timeout is asked nothing more until it could be
/// connected to again, which the thread tries by itself; callers are told at once that it is away.
///
/// A server that was started a moment ago may have forgotten what it granted before. So one that is not known
/// by its run (each start has another id) counts as away for as long as anything lasts that it can have
/// granted. (The page on Redlock calls this a delayed restart, and leaves it to the operator.)
final class RedisServer: Sendable {
    /// Gets what was said to each command; nil if the server is away. Called once, on whichever thread.
    typealias Reply = @Sendable ([RedisReply]?) -> Void

    struct Settings: Sendable {
        /// For each answer.
        let timeout: Duration
        /// How long it is not believed when it was started.
        let distrust: Duration
    }

    private enum Standing: Equatable {
        /// Nobody has tried to reach it yet.
        case unknown
        case away
        /// It answers, and is not believed before then.
        case there(from: ContinuousClock.Instant)
        case closed
    }

    private struct State {
        var standing = Standing.unknown
        var arrived: [RedisJob] = []
    }

    /// Jobs at the most that the thread has not seen yet.
    private static let room = 4096

    let url: RedisURL
    private let settings: Settings
    private let state = Mutex(State())
    private let bell = Doorbell()
    private let end = DispatchGroup()

    /// - Parameter isKnown: Whether the server of that run is another one of ours, by another name.
    init(
        _ url: RedisURL, _ settings: Settings, logger: Logger,
        isKnown: @escaping @Sendable (_ runID: String) -> Bool
    ) {
        self.url = url
        self.settings = settings
        end.enter()
        let thread = Thread {
            var talk = RedisTalk(url, settings, RedisJournal(url, logger), isKnown)
            self.serve(&talk)
            self.end.leave()
        }
        thread.name = "redis \(url)"
        thread.start()
    }

    /// Whether it answers, and is believed.
    var isThere: Bool {
        state.withLock { state in
            if case .there(let start) = state.standing { start <= .now } else { false }
        }
    }

    /// Whether it does not answer.
    var isAway: Bool { state.withLock { $0.standing == .away } }

    /// Sends commands behind those that were sent before.
    /// - Returns: Whether the server may come to hear of them.
    func submit(_ commands: [[String]], reply: @escaping Reply) -> Bool {
        enter(RedisJob(commands, reply: reply)) { standing in
            if case .there(let start) = standing { start <= .now } else { false }
        }
    }

    /// Sends commands whose answers nobody waits for; if the server is away, as soon as it is back, unless
    /// they have lost their sense by then.
    func owe(_ commands: [[String]], until end: ContinuousClock.Instant) {
        _ = enter(RedisJob(commands, owedUntil: end)) { $0 != .closed }
    }

    /// Has the thread end behind what was sent. It answers everybody who waits.
    func close() {
        state.withLock { $0.standing = .closed }
        bell.ring()
    }

    /// Returns when the thread has ended, or when it has had the time for it.
    func ended() async {
        let isClosed = RunOnce()
        await withCheckedContinuation { continuation in
            end.notify(queue: .global()) { isClosed.run { continuation.resume() } }
            // It may be looking up a name, for which there is no limit.
            DispatchQueue.global().asyncAfter(deadline: .now() + 2) {
                isClosed.run { continuation.resume() }
            }
        }
    }

    private func enter(_ job: RedisJob, if isWelcome: (Standing) -> Bool) -> Bool {
        let (isTaken, isFirst) = state.withLock { state in
            guard isWelcome(state.standing), state.arrived.count < Self.room else {
                return (false, false)
            }
            state.arrived.append(job)
            return (true, state.arrived.count == 1)
        }
        if isFirst { bell.ring() }
        if !isTaken { job.reply?(nil) }
        return isTaken
    }

    /// What came meanwhile; nil if the thread is to end.
    private func arrivals() -> [RedisJob]? {
        bell.hush()
        return state.withLock { state in
            defer { state.arrived = [] }
            return state.standing == .closed && state.arrived.isEmpty ? nil : state.arrived
        }
    }

    private func stand(_ standing: Standing) {
        state.withLock { state in
            if state.standing != .closed { state.standing = standing }
        }
    }

    private func serve(_ talk: inout RedisTalk) {
        // A server that is gone is an error, and not the end of the process.
        var pipe = sigset_t()
        sigemptyset(&pipe)
        sigaddset(&pipe, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &pipe, nil)
        while let jobs = arrivals() {
            talk.begin(jobs)
            if !talk.isConnected, let start = talk.connect() { stand(.there(from: start)) }
            if talk.isConnected { talk.goOn(wokenBy: bell) }
            guard !talk.isConnected else { continue }
            stand(.away)
            bell.wait(until: talk.nextTry)
        }
        talk.abandon()
    }
}

/// Does something once, whoever comes first.
private final class RunOnce: Sendable {
    private let isDone = Mutex(false)

    func run(_ body: () -> Void) {
        let isFirst = isDone.withLock { isDone in
            defer { isDone = true }
            return !isDone
        }
        if isFirst { body() }
    }
}
