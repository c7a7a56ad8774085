import Glibc
import Logging

/// What a server's thread has under way with it.
struct RedisTalk: ~Copyable {
    private let url: RedisURL
    private let settings: RedisServer.Settings
    private var journal: RedisJournal
    private let isKnown: (_ runID: String) -> Bool

    private var connection: RedisConnection?
    private var connected = ContinuousClock.now
    /// Which start of the server it was when we last heard of it, and from when on that one is believed.
    private var run: (id: String, start: ContinuousClock.Instant)?
    /// Sent and not answered yet, in their order, each with the time till which it should be.
    private var underWay: [(job: RedisJob, deadline: ContinuousClock.Instant)] = []
    /// To be sent when the server is back.
    private var owed: [RedisJob] = []
    /// When it is worth trying again to connect.
    private(set) var nextTry = ContinuousClock.now

    private static let pause = Duration.seconds(1)
    private static let connectTimeout = Duration.seconds(1)
    /// Jobs at the most that are owed; the oldest are forgotten, and end by themselves.
    private static let mostOwed = 256

    init(
        _ url: RedisURL, _ settings: RedisServer.Settings, _ journal: RedisJournal,
        _ isKnown: @escaping (_ runID: String) -> Bool
    ) {
        self.url = url
        self.settings = settings
        self.journal = journal
        self.isKnown = isKnown
    }

    var isConnected: Bool { connection != nil }

    /// Sends jobs, if anybody is there to be sent them.
    mutating func begin(_ jobs: [RedisJob]) {
        guard let connection else { return setAside(jobs) }
        for (place, job) in jobs.enumerated() {
            do {
                try connection.append(job.commands)
                underWay.append((job, .now + settings.timeout))
            } catch {
                drop(error)
                return setAside(Array(jobs[place...]))
            }
        }
    }

    /// Tries to connect, not too often.
    /// - Returns: From when on the server is to be believed; nil if it is away.
    mutating func connect() -> ContinuousClock.Instant? {
        guard nextTry <= .now else { return nil }
        do {
            let deadline = ContinuousClock.now + Self.connectTimeout
            let new = try RedisConnection(to: url, until: deadline)
            let greeting = try new.greet(url, until: .now + settings.timeout)
            guard !isKnown(greeting.runID) else {
                throw RedisUnreachable(
                    description: "it is another one's second name, and would vote twice")
            }
            let start =
                if let run, run.id == greeting.runID { run.start } else {
                    ContinuousClock.now + settings.distrust
                }
            run = (greeting.runID, start)
            connection = new
            connected = .now
            journal.noteConnected()
            let jobs = owed.filter(\.isOwed)
            owed = []
            begin(jobs)
            return isConnected ? start : nil
        } catch {
            nextTry = .now + Self.pause
            journal.noteAway(error)
            return nil
        }
    }

    /// Writes and reads what there is; waits for it, for the bell, and for no answer longer than it may take.
    mutating func goOn(wokenBy bell: Doorbell) {
        guard let connection else { return }
        do throws(RedisUnreachable) {
            try connection.flush()
            var descriptors = [
                pollfd(
                    fd: connection.descriptor,
                    events: Int16(connection.wantsToWrite ? POLLIN | POLLOUT : POLLIN), revents: 0),
                pollfd(fd: bell.descriptor, events: Int16(POLLIN), revents: 0),
            ]
            poll(&descriptors, 2, underWay.first?.deadline.millisecondsLeft ?? -1)
            if descriptors[0].revents & ~Int16(POLLOUT) != 0 {
                for reply in try connection.receive() { try answer(reply) }
            }
            if let deadline = underWay.first?.deadline, deadline <= .now { throw .late }
        } catch {
            drop(error)
        }
    }

    /// Answers everybody.
    mutating func abandon() {
        connection = nil
        for (job, _) in underWay { job.reply?(nil) }
        underWay = []
    }

    private mutating func answer(_ reply: RedisReply) throws(RedisUnreachable) {
        guard !underWay.isEmpty else { throw .garbled }
        if let code = reply.errorCode { journal.noteRefusal(code) }
        underWay[0].job.replies.append(reply)
        guard underWay[0].job.replies.count == underWay[0].job.commands.count else { return }
        let job = underWay.removeFirst().job
        job.reply?(job.replies)
    }

    /// The connection is good for nothing more. Soon another one is tried, unless that one did not last, either.
    private mutating func drop(_ error: RedisUnreachable) {
        connection = nil
        nextTry = .now + (.now - connected > Self.pause ? settings.timeout : Self.pause)
        journal.noteLost(error)
        let jobs = underWay.map(\.job)
        underWay = []
        setAside(jobs)
    }

    /// Keeps what is owed, and tells the others that nobody is there.
    private mutating func setAside(_ jobs: [RedisJob]) {
        for job in jobs where job.owedUntil == nil { job.reply?(nil) }
        let kept = jobs.filter(\.isOwed).map(\.unanswered)
        owed = (owed.filter(\.isOwed) + kept).suffix(Self.mostOwed)
    }
}
