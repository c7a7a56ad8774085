import FoundationEssentials
import Synchronization

/// Which slots have one seat and which several, as far as this process has heard, and not long ago.
///
/// What it says may be out of date, and is good for nothing but to save questions.
final class KnownSlots: Sendable {
    private struct Knowledge {
        let isSingle: Bool
        let end: ContinuousClock.Instant
    }

    /// Slots that are remembered at the most; then it begins anew.
    private static let room = 100_000
    private static let lifetime = Duration.seconds(60)

    private let slots = Mutex<[UUID: Knowledge]>([:])

    /// Whether it is known to have one seat.
    func isSingle(_ slot: UUID) -> Bool { knowledge(of: slot)?.isSingle == true }

    /// Whether it is known to have several.
    func isRoomy(_ slot: UUID) -> Bool { knowledge(of: slot)?.isSingle == false }

    func note(_ slot: UUID, capacity: Int) {
        slots.withLock { slots in
            if slots.count >= Self.room { slots = [:] }
            slots[slot] = Knowledge(isSingle: capacity == 1, end: .now + Self.lifetime)
        }
    }

    private func knowledge(of slot: UUID) -> Knowledge? {
        slots.withLock { slots in
            slots[slot].flatMap { $0.end > .now ? $0 : nil }
        }
    }
}
