import Postgres
import Synchronization

/// Somebody who acts at the same time as others, over one connection.
package struct Contestant: Sendable {
    package let name: String
    /// In front of that connection, which is there already and is called `name`.
    fileprivate let proxy: StepProxy
    /// Acts, and says what came of it.
    fileprivate let act: @Sendable () async throws -> String

    package init(
        _ name: String, by proxy: StepProxy, _ act: @escaping @Sendable () async throws -> String
    ) {
        self.name = name
        self.proxy = proxy
        self.act = act
    }
}

/// One run of a race: who took which step, and what each was told.
package struct RaceRun: Sendable {
    /// Who went, round trip by round trip.
    package fileprivate(set) var steps: [String] = []
    /// Who waited for a lock behind which step, by the server's own account.
    package fileprivate(set) var waits: [(step: Int, name: String)] = []
    package fileprivate(set) var told: [String] = []
}

/// Has all act at once, one round trip at a time, in the order that `orders` says.
///
/// A round trip is let through when everybody else stands still: has finished, is held back, or waits for a
/// lock. Who waits for a lock goes on when it is free, and is not asked.
/// - Throws: What an act throws; ``StandsStill``.
package func race(
    _ contestants: [Contestant], in database: TestDatabase, by orders: inout Orders
) async throws -> RaceRun {
    let results = Results(count: contestants.count)
    for contestant in contestants { contestant.proxy.close() }
    return try await withThrowingTaskGroup(of: Void.self) { group in
        defer { for contestant in contestants { contestant.proxy.open() } }
        for (place, contestant) in contestants.enumerated() {
            group.addTask {
                let result: Result<String, any Error>
                do {
                    result = .success(try await contestant.act())
                } catch {
                    result = .failure(error)
                }
                results.finish(place, result)
            }
        }
        var run = RaceRun()
        var waiting: [String] = []
        while true {
            let (held, blocked) = try await standing(contestants, results, in: database)
            run.waits += blocked.filter { !waiting.contains($0) }.map { (run.steps.count, $0) }
            waiting = blocked
            guard !held.isEmpty else {
                guard blocked.isEmpty else { throw StandsStill(blocked: blocked) }
                break
            }
            let next = orders.next(of: held)
            run.steps.append(contestants[next].name)
            contestants[next].proxy.letThrough()
        }
        try await group.waitForAll()
        run.told = try results.all()
        return run
    }
}

/// Nobody can go on: all wait for locks.
package struct StandsStill: Error {
    package let blocked: [String]
}

/// Waits until everybody has finished, is held back or waits for a lock.
/// - Returns: Who is held back, and who waits.
private func standing(
    _ contestants: [Contestant], _ results: Results, in database: TestDatabase
) async throws -> (held: [Int], blocked: [String]) {
    let end = ContinuousClock.now + .seconds(60)
    while .now < end {
        // In this order: whoever waits for a lock behind somebody who stands still stands still.
        let held = contestants.indices.filter { contestants[$0].proxy.isHolding }
        let moving = contestants.indices.filter { !held.contains($0) && !results.isFinished($0) }
        if moving.isEmpty { return (held, []) }
        let blocked = try await Sessions(of: database).names(.blocked)
        let names = moving.map { contestants[$0].name }
        if names.allSatisfy(blocked.contains) { return (held, names) }
    }
    throw Sessions.NeverCame()
}

private final class Results: Sendable {
    private let results: Mutex<[Result<String, any Error>?]>

    init(count: Int) { results = Mutex(Array(repeating: nil, count: count)) }

    func finish(_ place: Int, _ result: Result<String, any Error>) {
        results.withLock { $0[place] = result }
    }

    func isFinished(_ place: Int) -> Bool { results.withLock { $0[place] != nil } }

    func all() throws -> [String] { try results.withLock { try $0.map { try $0?.get() ?? "" } } }
}
