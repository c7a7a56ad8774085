import Foundation
import Postgres
import PostgresTesting
import ServiceTesting

/// Something that goes wrong.
enum Fault: String, CaseIterable, Sendable {
    case instanceKilled = "an instance is killed"
    case instanceRestarted = "an instance is stopped and started again"
    case instanceStopped = "an instance stands still (SIGSTOP)"
    case clockWrong = "an instance's clock is three days off"
    case sessionsTerminated = "PostgreSQL ends all sessions"
    case statementsCancelled = "PostgreSQL cancels all statements"
    case databaseAborted = "PostgreSQL is stopped at once"
    case databaseKilled = "PostgreSQL is killed"
    case tableLocked = "somebody locks all slots"
    case diskFull = "the disk is full"
    case connectionsReset = "the network resets all connections"
    case networkSilent = "the network is silent, then resets"
    case networkLate = "the network is silent, then delivers"
    case commitsCut = "connections break behind COMMIT"
    case mailServerDown = "the mail server is down"
}

extension FaultGround {
    /// The faults that this machine allows.
    var possibleFaults: [Fault] {
        Fault.allCases.filter { fault in
            switch fault {
            case .diskFull: disk != nil
            case .clockWrong: Self.clockSkew != nil
            default: true
            }
        }
    }

    /// Has a fault strike, and returns when it is over. It sleeps for as long as the fault is to last: that is
    /// what a fault does, and nothing is waited for.
    /// - Parameter isHit: Called when it has struck.
    func suffer(_ fault: Fault, _ dice: inout Dice, isHit: () -> Void) async throws {
        let place = Int.random(in: instances.indices, using: &dice)
        let (instance, network) = (instances[place], networks[place])
        let pause = Duration.milliseconds(Int.random(in: 300...2500, using: &dice))
        switch fault {
        case .instanceKilled, .clockWrong:
            isHit()
            await instance.end(by: SIGKILL)
            let days = Bool.random(using: &dice) ? 3 : -3
            try instance.start(fault == .clockWrong ? clock(off: days) : [:])
        case .instanceRestarted:
            isHit()
            await instance.end(by: SIGTERM)
            try instance.start()
        case .instanceStopped:
            instance.send(SIGSTOP)
            isHit()
            // Longer than PostgreSQL leaves it its locks.
            try await Task.sleep(for: .seconds(2) + pause)
            instance.send(SIGCONT)
        case .sessionsTerminated:
            isHit()
            try await insisting { try await sessions.terminate(.ofInstance) }
        case .statementsCancelled:
            isHit()
            try await insisting { try await sessions.cancel(.ofInstance) }
        case .databaseAborted, .databaseKilled:
            isHit()
            if fault == .databaseKilled {
                try await server.kill()
            } else {
                try await server.stopAtOnce()
            }
            try await server.start()
        case .tableLocked:
            isHit()
            try await insisting {
                try await holding("LOCK TABLE slots IN ACCESS EXCLUSIVE MODE", in: server.database)
                {
                    _ in try await Task.sleep(for: .seconds(1) + pause)
                }
            }
        case .diskFull:
            try await disk?.fill()
            isHit()
            try await Task.sleep(for: pause)
            try await disk?.empty()
        case .connectionsReset:
            isHit()
            for network in networks { network.reset() }
        case .networkSilent, .networkLate:
            network.fallSilent()
            isHit()
            // Now and then for longer than the service tries to find out what became of a commit.
            let isLong = Int.random(in: 0..<4, using: &dice) == 0
            try await Task.sleep(for: isLong ? .seconds(17) : pause)
            if fault == .networkSilent { network.reset() }
            network.deliver()
        case .commitsCut:
            for network in networks { network.cutCommits(4) }
            isHit()
            // It lasts until four were cut, but nobody may commit anything meanwhile: so it has an end.
            let end = ContinuousClock.now + .seconds(5)
            while networks.contains(where: { $0.commitsToCut > 0 }) && .now < end {
                try await Task.sleep(for: .milliseconds(5))
            }
            for network in networks { network.cutCommits(0) }
        case .mailServerDown:
            await mailServer.end(by: SIGKILL)
            isHit()
            try await Task.sleep(for: pause)
            try mailServer.start()
        }
    }

    private var sessions: Sessions { Sessions(of: server.database) }

    private func clock(off days: Int) -> [String: String] {
        ["LD_PRELOAD": Self.clockSkew ?? "", "CLOCK_OFFSET": "\(days * 86_400)"]
    }

    /// Tries until the server answers: it may have been away a moment ago.
    func insisting<Result>(_ work: () async throws -> Result) async throws -> Result {
        for _ in 0..<50 {
            do {
                return try await work()
            } catch {
                // Not to ask a server that is starting as fast as it can refuse.
                try await Task.sleep(for: .milliseconds(100))
            }
        }
        return try await work()
    }
}
