import Foundation
import Logging
import ServiceTesting
import Synchronization
import Testing

@testable import Redlock

@Suite("Locks on several Redis servers", .timeLimit(.minutes(30)))
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
                    group.addTask {
                        for round in 0..<300 {
                            guard case .held(let lock)? = await client.acquire(["it"]).first else {
                                continue
                            }
                            tape.enter(until: lock.end)
                            await Task.yield()
                            // Some are left to run out.
                            guard round % 10 > 0 else { continue }
                            tape.leave(lock.end)
                            client.release([lock])
                        }
                    }
                }
                if weather == .oneRestartedEmpty {
                    servers[0].kill()
                    try await servers[0].start()
                }
                try await group.waitForAll()
            }
            #expect(tape.collisions == 0)
            #expect((tape.entries > 0) == (weather != .threeDown))
            servers[0].thaw()
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
            var second: Redlock.Lock?
            while second == nil {
                await clients[1].untilAvailable()
                second = await clients[1].acquire(["it"]).first?.lock
            }
            #expect(ContinuousClock.now >= lock.end)
        }
    }

    @Test("a lock ends by itself, and who comes late with its release ends nobody else's")
    func expiry() async throws {
        try await withClients(2) { _, clients in
            let first = try #require(await clients[0].acquire(["it"]).first?.lock)
            #expect(await clients[1].acquire(["it"]).first?.isRefused == true)
            var second: Redlock.Lock?
            while second == nil { second = await clients[1].acquire(["it"]).first?.lock }
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
            var again: Redlock.Lock?
            while again == nil { again = await clients[0].acquire(["it"]).first?.lock }
        }
    }

    /// Calls `body` with five servers, and clients that reach them all.
    private func withClients(
        _ count: Int, lifetime: Duration = .milliseconds(300),
        _ body: @Sendable ([RedisProcess], [Redlock]) async throws -> Void
    ) async throws {
        try await withRedis { servers in
            var settings = Redlock.Settings()
            settings.lifetime = lifetime
            var logger = Logger(label: "test")
            logger.logLevel = .critical
            let urls = try servers.map { try RedisURL($0.url) }
            let clients = (0..<count).map { [settings, logger] _ in
                Redlock(urls, settings: settings, logger: logger)
            }
            for client in clients { await client.untilAvailable() }
            do {
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
    private let state = Mutex((ends: [ContinuousClock.Instant](), entries: 0, collisions: 0))

    var entries: Int { state.withLock(\.entries) }
    var collisions: Int { state.withLock(\.collisions) }

    func enter(until end: ContinuousClock.Instant) {
        state.withLock { state in
            // Who was told "until then" is out by then.
            state.ends.removeAll { $0 <= .now }
            if !state.ends.isEmpty { state.collisions += 1 }
            state.ends.append(end)
            state.entries += 1
        }
    }

    func leave(_ end: ContinuousClock.Instant) {
        state.withLock { $0.ends.removeAll { $0 == end } }
    }
}

extension Redlock {
    /// Its connections are made, and the servers' memory is trusted.
    fileprivate func untilAvailable() async {
        while !isAvailable { await Task.yield() }
    }
}

extension Redlock.Answer {
    fileprivate var lock: Redlock.Lock? { if case .held(let lock) = self { lock } else { nil } }
    fileprivate var isRefused: Bool { if case .refused = self { true } else { false } }
}
