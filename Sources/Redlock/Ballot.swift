import Synchronization

/// Gathers what the servers say of several resources, and tells it once: when nothing can change it any more,
/// or when nobody is waited for any longer.
final class Ballot: Sendable {
    fileprivate struct State {
        var tallies: [Tally]
        var tell: (@Sendable ([Tally.Verdict]) -> Void)?
    }

    private let state: Mutex<State>

    init(resources: Int, servers: Int, tell: @escaping @Sendable ([Tally.Verdict]) -> Void) {
        state = Mutex(
            State(tallies: Array(repeating: Tally(servers: servers), count: resources), tell: tell))
    }

    /// Counts what one server said of each resource; nil if it is away.
    func count(_ replies: [RedisReply]?) {
        let done = state.withLock { state -> (() -> Void)? in
            for place in state.tallies.indices {
                guard let reply = replies?[place] else {
                    state.tallies[place].miss()
                    continue
                }
                switch reply {
                case .text("OK"): state.tallies[place].grant()
                case .none: state.tallies[place].refuse()
                // It cannot do what it is asked for; so nothing was granted.
                case .error, .text, .integer, .other: state.tallies[place].miss()
                }
            }
            let verdicts = state.tallies.compactMap(\.verdict)
            guard verdicts.count == state.tallies.count else { return nil }
            return state.telling(verdicts)
        }
        done?()
    }

    /// Waits for nobody any longer.
    func close() {
        state.withLock { state in state.telling(state.tallies.map(\.finalVerdict)) }?()
    }
}

extension Ballot.State {
    fileprivate mutating func telling(_ verdicts: [Tally.Verdict]) -> (() -> Void)? {
        guard let tell else { return nil }
        self.tell = nil
        return { tell(verdicts) }
    }
}
