import Logging
import ServiceTesting
import Synchronization
import Testing

@testable import Redlock

@Suite("Servers that are no Redis servers", .serialized, .timeLimit(.minutes(30)))
struct LieTests {
    @Test(
        "beside two that are: their majority decides, and nothing hangs",
        arguments: Lie.allCases.filter { $0 != .breaksOff })
    func oneOfThree(lie: Lie) async throws {
        try await withLyingServer(lie) { port in
            try await withRedis(2) { servers in
                let urls = servers.map(\.url) + ["redis://:open-sesame@127.0.0.1:\(port)"]
                let log = Log()
                let redlock = Redlock(
                    try urls.map { try RedisURL($0) }, settings: .brief, logger: log.logger)
                var locks: [Redlock.Lock] = []
                while locks.count < 20 {
                    if case .held(let lock)? = await redlock.acquire(["\(locks.count)"]).first {
                        locks.append(lock)
                    } else {
                        try await Task.sleep(for: .milliseconds(2))
                    }
                }
                redlock.release(locks)
                await redlock.close()
                #expect(!log.lines.contains { $0.contains("sesame") }, "\(log.lines)")
            }
        }
    }

    @Test("one that refuses, beside two that are and two that are gone, keeps nothing from anybody")
    func minority() async throws {
        try await withLyingServer(.refuses) { port in
            try await withRedis(4) { servers in
                let urls = servers.map(\.url) + ["redis://127.0.0.1:\(port)"]
                let redlock = Redlock(
                    try urls.map { try RedisURL($0) }, settings: .brief, logger: Log().logger)
                while !redlock.isWhole { try await Task.sleep(for: .milliseconds(5)) }
                for server in servers.prefix(2) { server.kill() }
                for _ in 0..<10 {
                    guard case .unavailable? = await redlock.acquire(["it"]).first else {
                        Issue.record("two of five have granted it, and one has refused it")
                        break
                    }
                }
                await redlock.close()
            }
        }
    }

    @Test(
        "a release that breaks off in the middle is begun anew, and later answers are still one's own"
    )
    func brokenRelease() async throws {
        try await withLyingServer(.breaksOff) { port in
            var settings = Redlock.Settings.brief
            settings.lifetime = .seconds(60)
            settings.distrust = .zero
            let redlock = Redlock(
                [try RedisURL("redis://127.0.0.1:\(port)")], settings: settings,
                logger: Log().logger)
            while !redlock.isWhole { try await Task.sleep(for: .milliseconds(2)) }
            let locks = await redlock.acquire((0..<8).map { "yes \($0)" })
            redlock.release(locks.compactMap { if case .held(let lock) = $0 { lock } else { nil } })
            while redlock.isWhole { try await Task.sleep(for: .milliseconds(2)) }
            while !redlock.isWhole { try await Task.sleep(for: .milliseconds(2)) }
            for round in 0..<10 {
                guard case .held? = await redlock.acquire(["\(round) yes"]).first else {
                    Issue.record("what was granted was not held")
                    continue
                }
                if case .held? = await redlock.acquire(["\(round) no"]).first {
                    Issue.record("what was refused was held")
                }
            }
            await redlock.close()
        }
    }

    @Test("two names of one server are one vote")
    func twice() async throws {
        try await withRedis(2) { servers in
            let log = Log()
            let urls = [
                servers[0].url, "redis://localhost:\(servers[0].port)", servers[1].url,
            ]
            let redlock = Redlock(
                try urls.map { try RedisURL($0) }, settings: .brief, logger: log.logger)
            var lock: Redlock.Lock?
            while lock == nil {
                if case .held(let held)? = await redlock.acquire(["it"]).first { lock = held }
                try await Task.sleep(for: .milliseconds(2))
            }
            #expect(log.lines.contains { $0.contains("vote twice") })
            await redlock.close()
        }
    }

    @Test("without a majority: said once, however often it is asked")
    func saidOnce() async throws {
        let ports = try await [freePort(), freePort(), freePort()]
        let log = Log()
        let redlock = Redlock(
            try ports.map { try RedisURL("redis://127.0.0.1:\($0)") }, settings: .brief,
            logger: log.logger)
        for _ in 0..<200 { _ = await redlock.acquire(["it"]) }
        #expect(log.lines.count { $0.contains("bookings go on without Redis") } == 1)
        await redlock.close()
    }
}

extension Redlock.Settings {
    fileprivate static var brief: Redlock.Settings {
        var settings = Redlock.Settings()
        settings.lifetime = .milliseconds(300)
        return settings
    }
}

/// Keeps what is logged.
private final class Log: Sendable {
    private let state = Mutex<[String]>([])

    var lines: [String] { state.withLock { $0 } }

    var logger: Logger { Logger(label: "test") { _ in Handler(log: self) } }

    private func append(_ line: String) { state.withLock { $0.append(line) } }

    private struct Handler: LogHandler {
        let log: Log
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            log.append("\(event.level) \(event.message) \(event.metadata ?? [:])")
        }
    }
}
