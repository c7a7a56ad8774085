import Testing

@testable import Redlock

@Suite("What a majority of servers says")
struct TallyTests {
    @Test("whatever each says, in whatever order: the verdict is the majority's", arguments: 1...6)
    func everyOrder(servers: Int) {
        let quorum = servers / 2 + 1
        for votes in Self.votes(of: servers) {
            var tally = Tally(servers: servers)
            var verdict: Tally.Verdict?
            for vote in votes {
                tally.count(vote)
                // What was told once stays so, but for whether it is split.
                if let verdict, let now = tally.verdict { #expect(now.isHeld == verdict.isHeld) }
                verdict = verdict ?? tally.verdict
            }
            let blocking = servers - quorum
            let isRefused = votes.count { $0 == .refuse } > blocking
            let isUnavailable = votes.count { $0 == .miss } > blocking
            switch verdict {
            case .held: #expect(votes.count { $0 == .grant } >= quorum)
            case .refused: #expect(isRefused)
            case .unavailable: #expect(isUnavailable)
            case .open:
                #expect(votes.count { $0 == .grant } < quorum && !isRefused && !isUnavailable)
            case nil: Issue.record("no verdict: \(votes)")
            }
        }
    }

    @Test("when nobody is waited for any longer, who has not answered is away", arguments: 1...6)
    func closed(servers: Int) {
        for votes in Self.votes(of: servers) {
            var tally = Tally(servers: servers)
            var whole = Tally(servers: servers)
            for vote in votes {
                if vote != .miss { tally.count(vote) }
                whole.count(vote)
            }
            #expect(tally.finalVerdict == whole.finalVerdict)
        }
    }

    private static func votes(of servers: Int) -> [[Vote]] {
        (0..<servers).reduce([[]]) { all, _ in
            all.flatMap { votes in Vote.allCases.map { votes + [$0] } }
        }
    }
}

private enum Vote: CaseIterable { case grant, refuse, miss }

extension Tally {
    fileprivate mutating func count(_ vote: Vote) {
        switch vote {
        case .grant: grant()
        case .refuse: refuse()
        case .miss: miss()
        }
    }
}

extension Tally.Verdict {
    fileprivate var isHeld: Bool { self == .held }
}
