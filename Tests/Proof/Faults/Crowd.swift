import Foundation
import Synchronization

/// What the clients of a fault run share: who is where, who has which appointment, and all that happened.
final class Crowd: Sendable {
    private struct State {
        var inFlight: [Int]
        var appointments: [(id: UUID, slot: Int)] = []
        var attempts: [Attempt] = []
        var begun = 0
        var ended = 0
        var mostAtOnce = 0
        var isGoing = false
    }

    private let state: Mutex<State>

    init(slots: Int) { state = Mutex(State(inFlight: Array(repeating: 0, count: slots))) }

    /// Whether nobody begins anything new.
    var isGoing: Bool { state.withLock(\.isGoing) }

    func goHome() { state.withLock { $0.isGoing = true } }

    /// How many requests are under way.
    var underWay: Int { state.withLock { $0.begun - $0.ended } }

    /// The most that were at one slot at one time.
    var mostAtOnce: Int { state.withLock(\.mostAtOnce) }

    var attempts: [Attempt] { state.withLock(\.attempts) }

    func begin(_ errand: Errand) -> Attempt {
        state.withLock { state in
            var attempt = Attempt(number: state.begun, errand: errand, asked: Date())
            state.begun += 1
            if let slot = errand.slot {
                attempt.metOthers = state.inFlight[slot] > 0
                state.inFlight[slot] += 1
                state.mostAtOnce = max(state.mostAtOnce, state.inFlight[slot])
            }
            return attempt
        }
    }

    func end(_ attempt: Attempt) {
        state.withLock { state in
            state.ended += 1
            if let slot = attempt.errand.slot { state.inFlight[slot] -= 1 }
            state.attempts.append(attempt)
            if case .done(let shown) = attempt.told, case .book(let slot, _) = attempt.errand,
                let id = shown.id
            {
                state.appointments.append((id, slot))
            }
        }
    }

    /// An appointment that somebody once had, and, as far as is known, where.
    /// - Parameter isKept: Whether others shall find it, too.
    func appointment(_ place: Int, isKept: Bool) -> (id: UUID, slot: Int)? {
        state.withLock { state in
            guard !state.appointments.isEmpty else { return nil }
            let place = place % state.appointments.count
            guard !isKept else { return state.appointments[place] }
            state.appointments.swapAt(place, state.appointments.count - 1)
            return state.appointments.removeLast()
        }
    }
}
