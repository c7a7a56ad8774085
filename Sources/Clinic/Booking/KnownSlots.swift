import FoundationEssentials
import Synchronization

/// What this process has heard of slots that several instances want, and not long ago: whether they have one seat,
/// and for how long somebody else has kept it from them.
///
/// It may be out of date, and is good for nothing but to save questions.
final class KnownSlots: Sendable {
    struct Key: Hashable, Sendable {
        let clinicID: UUID
        let slotID: UUID
    }

    private struct State {
        var seats: [Key: (isSingle: Bool, end: ContinuousClock.Instant)] = [:]
        var lastComplaint: ContinuousClock.Instant?
        var refusals: [Key: (first: ContinuousClock.Instant, last: ContinuousClock.Instant)] = [:]
    }

    /// Slots that are remembered at the most; then it begins anew.
    private static let room = 100_000
    private static let lifetime = Duration.seconds(60)

    /// How long a slot may be kept from this process, by one booking after the other elsewhere.
    private let patience: Duration
    private let state = Mutex(State())

    init(patience: Duration) { self.patience = patience }

    /// Whether it is known to have one seat.
    func isSingle(_ slot: Key) -> Bool { seats(of: slot) == true }

    /// Whether it is known to have several.
    func isRoomy(_ slot: Key) -> Bool { seats(of: slot) == false }

    func note(_ slot: Key, capacity: Int) {
        state.withLock { state in
            if state.seats.count >= Self.room { state.seats = [:] }
            state.seats[slot] = (capacity == 1, .now + Self.lifetime)
        }
    }

    /// Somebody else has it.
    /// - Returns: Whether that goes on for too long, and it is to be gone for all the same: whoever keeps asking
    ///   elsewhere, or whatever is wrong with Redis, must not keep it from everybody here for ever.
    func refuse(_ slot: Key) -> Bool {
        state.withLock { state in
            let now = ContinuousClock.now
            if state.refusals.count >= Self.room { state.refusals = [:] }
            let unbroken = state.refusals[slot].flatMap { now - $0.last <= patience ? $0 : nil }
            let first = unbroken?.first ?? now
            let isTooLong = now - first > patience
            state.refusals[slot] = (isTooLong ? now : first, now)
            return isTooLong
        }
    }

    /// Whether it is time to tell somebody that a slot was kept for too long: once a minute.
    func mayComplain() -> Bool {
        state.withLock { state in
            if let last = state.lastComplaint, .now - last < Self.lifetime { return false }
            state.lastComplaint = .now
            return true
        }
    }

    /// This process has it.
    func admit(_ slot: Key) {
        state.withLock { state in
            if !state.refusals.isEmpty { state.refusals[slot] = nil }
        }
    }

    private func seats(of slot: Key) -> Bool? {
        state.withLock { state in
            state.seats[slot].flatMap { $0.end > .now ? $0.isSingle : nil }
        }
    }
}
