import Foundation
import Postgres

/// What came of a fault run.
package struct FaultReport: Sendable {
    let run: FaultRun
    let strikes: [FaultRun.Strike]
    let attempts: [Attempt]
    /// The most that were at one slot at one time.
    let mostAtOnce: Int
    /// How many attempts nobody was told the outcome of, and how many of those had taken effect.
    let settled: (all: Int, done: Int)
    /// How often the service had to find out itself what became of a commit.
    let commitsInDoubt: Int
    /// What the mail server got, and how much of that a second time.
    let mails: (arrived: Int, again: Int)
    private let possible: [Fault]
    /// What broke a rule, and what nothing explains.
    package let violations: [String]

    init(
        of run: FaultRun, _ strikes: [FaultRun.Strike], possible: [Fault], crowd: Crowd,
        _ reckoning: Reckoning
    ) async throws {
        self.run = run
        self.strikes = strikes
        self.possible = possible
        attempts = crowd.attempts
        mostAtOnce = crowd.mostAtOnce
        settled = reckoning.settled
        commitsInDoubt = reckoning.commitsInDoubt
        mails = reckoning.mails
        violations = try await reckoning.violations()
    }

    package var asked: Int { attempts.count }
    package var faults: Int { strikes.count }
    package var kinds: Int { Set(strikes.map(\.fault)).count }

    package var acknowledged: Int {
        attempts.count { if case .done = $0.told { true } else { false } }
    }

    var contended: Int { attempts.count(where: \.metOthers) }

    /// How many asked again and were given the answer that had been stored the first time.
    var replayed: Int { attempts.count { $0.tries > 1 && $0.wasReplayed } }

    /// Why the run says less than it should: too little happened in it, or it took too long to recover.
    package var weaknesses: [String] {
        let demands: [(isMet: Bool, weakness: String)] = [
            (contended * 10 >= asked * 3, "only \(contended) of \(asked) met others"),
            (mostAtOnce >= 20, "at most \(mostAtOnce) were at one slot at once"),
            (settled.all > 0, "no outcome was unknown"),
            (replayed > 0, "nobody who asked again was told the first answer"),
            (commitsInDoubt > 0, "no commit was in doubt"),
        ]
        let unmet = demands.filter { !$0.isMet }.map(\.weakness)
        let inVain = possible.filter { fault in
            !strikes.contains { $0.fault == fault && $0.underWay > 0 }
        }.map { "\($0.rawValue): never while requests were under way" }
        let slow = strikes.filter { $0.recovery > .seconds(5) }.map {
            "\($0.fault.rawValue): serving again only after \($0.recovery.milliseconds) ms"
        }
        return unmet + inVain + slow
    }
}
