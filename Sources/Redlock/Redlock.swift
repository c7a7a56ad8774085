import Dispatch
import Logging
import Synchronization

/// Locks that live on several independent Redis servers, and end by themselves.
///
/// The algorithm is the one that Redis's documentation calls Redlock: `SET resource token NX PX lifetime` on
/// all servers side by side; held is what more than half of them granted, for as long as the lifetime that is
/// left less the clocks' drift; what is not held is taken back everywhere. Source: "Distributed Locks with
/// Redis", redis.io.
///
/// Nobody may rely on such a lock. A process that pauses believes in one that has ended, servers' clocks jump,
/// and servers forget. It says who goes first, so that the others need not come.
package final class Redlock: Sendable {
    /// How to ask.
    package struct Settings: Sendable {
        /// How long a lock lasts unless it is released.
        package var lifetime = Duration.seconds(3)
        /// How long a server that was started is not believed; nil: as long as a lock lasts, and anything less
        /// has two hold one lock where servers come back empty.
        package var distrust: Duration?
        /// How long the servers have for their answers. Much less than the lifetime.
        package var timeout = Duration.milliseconds(50)
        /// How often it is tried at the most where nobody may have a majority.
        package var tries = 3
        /// The longest pause before another try; each is a random part of it.
        package var retryDelay = Duration.milliseconds(20)

        package init() {}
    }

    /// What became of asking for a resource.
    package enum Answer: Sendable {
        case held(Lock)
        /// Somebody else has it, or wants it at the same moment.
        case refused
        /// Nobody knows: there is no majority of servers to ask, or too few of them to tell.
        case unavailable
    }

    /// A lock that this process was told it holds.
    package struct Lock: Sendable {
        package let resource: String
        /// Known to nobody else: who releases the lock shows it.
        let token: String
        /// The places of the servers that were asked for it.
        fileprivate(set) var asked: [Int] = []
        /// Until when it lasts for sure, if the servers' clocks run as ours does.
        package let end: ContinuousClock.Instant
    }

    private let settings: Settings
    private let servers: [RedisServer]
    private let logger: Logger
    private let majority = Mutex(Majority())

    /// Connects in the background; until then, and for a lifetime behind it, no server counts.
    /// - Parameter urls: Independent servers, an odd number of them; one is enough where that may be down.
    package init(_ urls: [RedisURL], settings: Settings = Settings(), logger: Logger) {
        self.settings = settings
        self.logger = logger
        let runs = Runs()
        servers = urls.map { url in
            RedisServer(
                url,
                .init(
                    timeout: settings.timeout, distrust: settings.distrust ?? settings.lifetime),
                logger: logger
            ) { runID in !runs.note(runID, of: url) }
        }
    }

    /// How long a lock lasts unless it is released.
    package var lifetime: Duration { settings.lifetime }

    /// Whether every server answers, and is believed.
    package var isWhole: Bool { servers.allSatisfy(\.isThere) }

    /// Whether a majority of the servers answers, believed or not.
    var isReachable: Bool { servers.count { !$0.isAway } > servers.count / 2 }

    /// Asks for several resources together, each of which is a lock of its own: one round trip to each server,
    /// at the same time, where nobody is in the way.
    /// - Returns: An answer to each, in their order.
    package func acquire(_ resources: [String]) async -> [Answer] {
        guard !resources.isEmpty else { return [] }
        var answers: [Answer] = resources.map { _ in .refused }
        var open = Array(resources.indices)
        for attempt in 1...settings.tries {
            let (verdicts, locks) = await ask(for: open.map { resources[$0] })
            for (place, (verdict, lock)) in zip(open, zip(verdicts, locks)) {
                switch verdict {
                case .held: answers[place] = .held(lock)
                case .refused: answers[place] = .refused
                case .open, .unavailable: answers[place] = .unavailable
                }
            }
            // Whatever was granted to whom it does not help.
            release(zip(verdicts, locks).filter { $0.0 != .held }.map(\.1))
            note(isThere: !verdicts.contains(.unavailable) || isReachable)
            open = zip(open, verdicts).filter { $0.1.isWorthAnotherTry }.map(\.0)
            guard !open.isEmpty, attempt < settings.tries else { break }
            try? await Task.sleep(for: settings.retryDelay * Double.random(in: 0...1))
        }
        return answers
    }

    /// Gives locks back, if they are still there; returns at once.
    package func release(_ locks: [Lock]) {
        guard !locks.isEmpty else { return }
        // By their ends they end by themselves; but what a server that stood still is sent, it grants when it
        // goes on, and for as long again.
        let end = (locks.map(\.end).max() ?? .now) + settings.lifetime
        for (place, server) in servers.enumerated() {
            let commands = locks.filter { $0.asked.contains(place) }.map {
                ["EVAL", Self.compareAndDelete, "1", $0.resource, $0.token]
            }
            if !commands.isEmpty { server.owe(commands, until: end) }
        }
    }

    /// Ends the connections, behind what is on its way. No lock is released by it.
    package func close() async {
        for server in servers { server.close() }
        for server in servers { await server.ended() }
    }

    /// Asks all servers once.
    private func ask(for resources: [String]) async -> ([Tally.Verdict], [Lock]) {
        let start = ContinuousClock.now
        let lifetime = settings.lifetime
        // The source asks for one part in a hundred, and for 2 ms besides, where lifetimes are short.
        let drift = lifetime / 100 + .milliseconds(2)
        var locks = resources.map { resource in
            Lock(resource: resource, token: Self.newToken(), end: start + lifetime - drift)
        }
        let commands = locks.map { lock in
            ["SET", lock.resource, lock.token, "NX", "PX", "\(Int(lifetime / .milliseconds(1)))"]
        }
        var asked: [Int] = []
        let verdicts = await withCheckedContinuation { continuation in
            let ballot = Ballot(resources: resources.count, servers: servers.count) {
                continuation.resume(returning: $0)
            }
            for (place, server) in servers.enumerated() {
                if server.submit(commands, reply: ballot.count) { asked.append(place) }
            }
            // A server may dribble: each read is in time, and the answer never comes.
            DispatchQueue.global().asyncAfter(deadline: .now() + settings.timeout.seconds) {
                ballot.close()
            }
        }
        for place in locks.indices { locks[place].asked = asked }
        let isOver = ContinuousClock.now >= start + lifetime - drift
        return (verdicts.map { isOver && $0 == .held ? .unavailable : $0 }, locks)
    }

    /// Says once that there is no majority, and once that there is one again, and stays.
    private func note(isThere: Bool) {
        switch majority.withLock({ $0.note(isThere: isThere) }) {
        case .lost:
            logger.warning(
                "bookings go on without Redis: there is no majority of its servers to ask")
        case .regained: logger.notice("there is a majority of the Redis servers again")
        case nil: break
        }
    }

    /// 128 random bits.
    private static func newToken() -> String {
        var generator = SystemRandomNumberGenerator()
        return String(generator.next(), radix: 36) + String(generator.next(), radix: 36)
    }

    /// Deletes a resource's key if it is the asker's.
    private static let compareAndDelete = """
        if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("DEL", KEYS[1]) end return 0
        """
}

extension Tally.Verdict {
    /// Some have granted it, and nobody may have a majority.
    fileprivate var isWorthAnotherTry: Bool { self == .refused(isSplit: true) || self == .open }
}

extension Duration {
    fileprivate var seconds: Double { self / .seconds(1) }
}
