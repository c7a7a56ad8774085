import AsyncHTTPClient
import Foundation
import HTTPFront
import NIOCore
import NIOHTTP1
import PostgresTesting
import ServiceTesting

/// Clients, and faults that strike while they work.
package struct FaultRun: Sendable {
    package let seed: UInt64
    package let duration: Duration
    package let clients: Int
    /// How long, in milliseconds, nothing goes wrong between two faults.
    private let calm: ClosedRange<Int>

    package init(
        seed: UInt64, duration: Duration, clients: Int = 256, calm: ClosedRange<Int> = 1000...4000
    ) {
        self.seed = seed
        self.duration = duration
        self.clients = clients
        self.calm = calm
    }

    /// A fault that struck.
    struct Strike: Sendable {
        let fault: Fault
        /// How many requests were under way.
        let underWay: Int
        /// How long it took, behind its end, till every instance served again.
        let recovery: Duration
    }

    /// Runs it, in a folder that keeps the programs' logs.
    /// - Parameter progress: Is told what happens.
    package func run(
        in folder: URL, progress: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws -> FaultReport {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var settings = HTTPClient.Configuration()
        settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = clients
        settings.connectionPool.retryConnectionEstablishment = false
        let http = HTTPClient(configuration: settings)
        do {
            let report = try await withFaultGround(in: folder) { ground in
                try await run(on: ground, http, progress)
            }
            try await http.shutdown()
            return report
        } catch {
            try await http.shutdown()
            throw error
        }
    }

    private func run(
        on ground: FaultGround, _ http: HTTPClient, _ progress: @escaping @Sendable (String) -> Void
    ) async throws -> FaultReport {
        let crowd = Crowd(slots: ground.scene.slots.count)
        let probe = Probe(scene: ground.scene, http: http, ports: ground.ports)
        _ = try await probe.recovery()
        let start = Date()
        let strikes = try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<clients {
                group.addTask {
                    var client = FaultClient(
                        scene: ground.scene, crowd: crowd, http: http, ports: ground.ports,
                        home: number,
                        dice: Dice(seed: seed &* 1000 &+ UInt64(number)))
                    await client.run()
                }
            }
            let strikes = try await strike(ground, crowd, probe, progress)
            crowd.goHome()
            try await group.waitForAll()
            return strikes
        }
        progress("the clients have ended; now everything is held against the journal")
        for program in ground.instances { await program.end(by: SIGTERM) }
        let sessions = Sessions(of: ground.server.database)
        try await ground.insisting { try await sessions.wait(untilAtMost: 0, .ofInstance) }
        let reckoning = try await Reckoning(of: crowd.attempts, from: start, on: ground)
        return try await FaultReport(
            of: self, strikes, possible: ground.possibleFaults, crowd: crowd, reckoning)
    }

    /// Has one fault after another strike, all kinds in turn, in an order of the seed's.
    private func strike(
        _ ground: FaultGround, _ crowd: Crowd, _ probe: Probe,
        _ progress: @Sendable (String) -> Void
    ) async throws -> [Strike] {
        var dice = Dice(seed: seed)
        var strikes: [Strike] = []
        var plan: [Fault] = []
        let end = ContinuousClock.now + duration
        while .now < end {
            if plan.isEmpty { plan = ground.possibleFaults.shuffled(using: &dice) }
            let fault = plan.removeLast()
            // The calm between two faults is part of the run, and not a wait for anything.
            try await Task.sleep(for: .milliseconds(Int.random(in: calm, using: &dice)))
            var underWay = 0
            try await ground.suffer(fault, &dice) { underWay = crowd.underWay }
            let recovery = try await probe.recovery()
            strikes.append(Strike(fault: fault, underWay: underWay, recovery: recovery))
            progress("\(fault.rawValue): \(underWay) under way, serving again in \(recovery)")
        }
        return strikes
    }
}

/// Looks whether every instance serves.
private struct Probe: Sendable {
    let scene: FaultScene
    let http: HTTPClient
    let ports: [Int]

    /// - Returns: How long it takes from now on till each has written something that was asked of it from now
    ///   on; a minute if it never does.
    func recovery() async throws -> Duration {
        let start = ContinuousClock.now
        return try await withThrowingTaskGroup { group in
            for place in ports.indices {
                group.addTask {
                    while await !serves(place), .now - start < .seconds(60) {
                        // It is another process, and to ask is the only way to know.
                        try await Task.sleep(for: .milliseconds(20))
                    }
                    return ContinuousClock.now - start
                }
            }
            return try await group.reduce(.zero) { max($0, $1) }
        }
    }

    /// Whether an instance changes something: it holds a slot, or holds it longer.
    private func serves(_ place: Int) async -> Bool {
        let path = "/v1/clinics/\(scene.clinic.text)/slots/\(scene.probes[place].text)/hold"
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(ports[place])\(path)")
        request.method = .POST
        request.headers.add(name: "Authorization", value: "Bearer \(scene.desk)")
        request.headers.add(name: "Content-Type", value: "application/json")
        let body = #"{"patient_id": "\#(scene.patients[place].text)", "ttl_seconds": 5}"#
        request.body = .bytes(ByteBuffer(string: body))
        do {
            let response = try await http.execute(request, timeout: .seconds(2))
            _ = try await response.body.collect(upTo: 1 << 16)
            return response.status.code < 300
        } catch {
            return false
        }
    }
}
