import Foundation
import Logging
import ServiceTesting
import Synchronization
import Testing

@testable import Redlock

@Suite("Locks on several Redis servers", .serialized, .timeLimit(.minutes(30)))
struct RedlockTests {
    /// What is done to the five servers while two clients contend.
    enum Weather: CaseIterable {
        case fair, twoDown, threeDown, oneFrozen, oneRestartedEmpty
    }

    @Test(
        "two clients are never both told that they hold one resource", arguments: Weather.allCases)
    func never(weather: Weather) async throws {
        try await withClients(2) { servers, clients in
            switch weather {
            case .fair, .oneRestartedEmpty: break
            case .twoDown: for server in servers.prefix(2) { server.kill() }
            case .threeDown: for server in servers.prefix(3) { server.kill() }
            case .oneFrozen: servers[0].freeze()
            }
            let tape = Tape()
            try await withThrowingTaskGroup { group in
                for client in clients {
                    group.addTask { await Self.contend(client, tape, 200, weather == .threeDown) }
                }
                if weather == .oneRestartedEmpty {
                    await tape.reached(100)
                    servers[0].kill()
                    try await servers[0].start()
                }
                try await group.waitForAll()
            }
            #expect(tape.collisions == 0)
            #expect(tape.entries == (weather == .threeDown ? 0 : 400))
            servers[0].thaw()
        }
    }

    /// Has a client hold the resource so many times, or ask so often where nobody can.
    private static func contend(
        _ client: Redlock, _ tape: Tape, _ count: Int, _ isHopeless: Bool
    ) async {
        var (asked, entered) = (0, 0)
        while isHopeless ? asked < count : entered < count {
            asked += 1
            guard case .held(let lock)? = await client.acquire(["it"]).first,
                tape.enter(until: lock.end)
            else {
                // As one does who was refused: comes again, and not at once.
                try? await Task.sleep(for: .milliseconds(Int.random(in: 1...5)))
                continue
            }
            entered += 1
            await Task.yield()
            // A few are left to run out.
            guard entered % 50 > 0 else { continue }
            tape.leave(lock.end)
            client.release([lock])
        }
    }

    @Test("a server that was restarted empty grants nothing before what it granted has run out")
    func delayedRestart() async throws {
        try await withClients(2, lifetime: .seconds(3)) { servers, clients in
            let lock = try #require(await clients[0].acquire(["it"]).first?.lock)
            // One behind the other, so that at no time a majority is away.
            for server in servers.prefix(3) {
                server.kill()
                try await server.start()
            }
            // Who comes again to one that is not believed yet is not told that it is.
            var asked = 0
            repeat { asked += 1 } while await clients[1].acquire(["\(asked)"]).first?.lock != nil
            while !clients[1].isReachable { try await Task.sleep(for: .milliseconds(2)) }
            for server in servers.prefix(3) { try server.dropClients() }
            _ = try await clients[1].insist(on: "it")
            #expect(ContinuousClock.now >= lock.end)
        }
    }

    @Test("a lock ends by itself, and who comes late with its release ends nobody else's")
    func expiry() async throws {
        try await withClients(2) { _, clients in
            let first = try #require(await clients[0].acquire(["it"]).first?.lock)
            #expect(await clients[1].acquire(["it"]).first?.isRefused == true)
            _ = try await clients[1].insist(on: "it")
            #expect(ContinuousClock.now >= first.end)
            clients[0].release([first])
            // Behind the release, on every connection.
            #expect(await clients[0].acquire(["it"]).first?.isRefused == true)
        }
    }

    @Test("many resources at once: an answer to each, in their order")
    func many() async throws {
        try await withClients(2) { _, clients in
            let all = (0..<100).map(String.init)
            let even = all.filter { Int($0)?.isMultiple(of: 2) == true }
            let locks = await clients[0].acquire(even).compactMap(\.lock)
            #expect(locks.map(\.resource) == even)
            let others = await clients[1].acquire(all)
            #expect(others.map(\.isRefused) == all.map(even.contains))
            #expect(others.map { $0.lock == nil } == all.map(even.contains))
            #expect(await clients[0].acquire([]).isEmpty)
        }
    }

    @Test("behind a server that is frozen the others' majority counts, and it comes back by itself")
    func frozen() async throws {
        try await withClients(1) { servers, clients in
            servers[4].freeze()
            let lock = try #require(await clients[0].acquire(["it"]).first?.lock)
            clients[0].release([lock])
            servers[4].thaw()
            for server in servers.prefix(2) { server.kill() }
            // Three of five are left, the thawed one among them.
            _ = try await clients[0].insist(on: "it")
        }
    }

    /// Calls `body` with five servers, and clients that reach them all.
    private func withClients(
        _ count: Int, lifetime: Duration = .seconds(1),
        _ body: @Sendable ([RedisProcess], [Redlock]) async throws -> Void
    ) async throws {
        try await withRedis { servers in
            var settings = Redlock.Settings()
            settings.lifetime = lifetime
            // The machine may be busy.
            settings.timeout = .milliseconds(500)
            var logger = Logger(label: "test")
            logger.logLevel = .critical
            let urls = try servers.map { try RedisURL($0.url) }
            let clients = (0..<count).map { [settings, logger] _ in
                Redlock(urls, settings: settings, logger: logger)
            }
            do {
                for client in clients { try await client.untilWhole() }
                try await body(servers, clients)
            } catch {
                for client in clients { await client.close() }
                throw error
            }
            for client in clients { await client.close() }
        }
    }
}

/// Who is inside, by what they were told.
private final class Tape: Sendable {
    private struct State {
        var ends: [ContinuousClock.Instant] = []
        var entries = 0
        var collisions = 0
        var waiting: (count: Int, continuation: CheckedContinuation<Void, Never>)?
    }

    private let state = Mutex(State())

    var entries: Int { state.withLock(\.entries) }
    var collisions: Int { state.withLock(\.collisions) }

    /// - Returns: Whether there was time left to enter.
    func enter(until end: ContinuousClock.Instant) -> Bool {
        let (isInside, ready) = state.withLock { state in
            let now = ContinuousClock.now
            guard end > now else { return (false, nil as CheckedContinuation<Void, Never>?) }
            // Who was told "until then" is out by then.
            state.ends.removeAll { $0 <= now }
            if !state.ends.isEmpty { state.collisions += 1 }
            state.ends.append(end)
            state.entries += 1
            guard let waiting = state.waiting, state.entries >= waiting.count else {
                return (true, nil)
            }
            state.waiting = nil
            return (true, waiting.continuation)
        }
        ready?.resume()
        return isInside
    }

    func leave(_ end: ContinuousClock.Instant) {
        state.withLock { $0.ends.removeAll { $0 == end } }
    }

    /// Returns behind so many entries.
    func reached(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let isReached = state.withLock { state in
                if state.entries < count { state.waiting = (count, continuation) }
                return state.entries >= count
            }
            if isReached { continuation.resume() }
        }
    }
}

extension Redlock {
    /// Asks until it has the resource.
    fileprivate func insist(on resource: String) async throws -> Lock {
        while true {
            if let lock = await acquire([resource]).first?.lock { return lock }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    /// Its connections are made, and the servers' memory is trusted.
    fileprivate func untilWhole() async throws {
        while !isWhole { try await Task.sleep(for: .milliseconds(5)) }
    }
}

extension Redlock.Answer {
    fileprivate var lock: Redlock.Lock? { if case .held(let lock) = self { lock } else { nil } }
    fileprivate var isRefused: Bool { if case .refused = self { true } else { false } }
}
