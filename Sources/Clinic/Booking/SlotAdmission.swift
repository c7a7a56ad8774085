import FoundationEssentials
import Postgres
import Redlock

/// Lets one instance at a time go for a slot of one seat, before PostgreSQL hears of it.
///
/// Where many instances want the same slots, all but one would wait for its row only to be told that it is
/// taken. Those are refused here, at once, and may come again. Nothing else depends on it: whom it lets in,
/// PostgreSQL decides about as ever, and where Redis is not there it lets in everybody.
struct SlotAdmission: Sendable {
    private let redlock: Redlock
    private let store: Store
    private let known = KnownSlots()

    /// What becomes of a booking here.
    private enum Decision {
        case goesOn
        case contended
        /// Somebody is in progress under its key, or was: it has to be asked for alone, and needs no leave.
        case isDuplicate
    }

    init(redlock: Redlock, store: Store) {
        self.redlock = redlock
        self.store = store
    }

    /// Has those booked who are let in, and holds their slots meanwhile.
    /// - Parameter book: Gives an outcome to each, in their order.
    /// - Returns: Likewise, for all.
    func admit(
        _ bookings: [Booking], in clinicID: UUID,
        _ book: ([Booking]) async -> [BookingOutcome?]
    ) async -> [BookingOutcome?] {
        let (locks, refused) = await takeSlots(of: bookings, in: clinicID)
        defer { redlock.release(locks) }
        let decisions =
            refused.isEmpty
            ? bookings.map { _ in Decision.goesOn }
            : await decide(bookings, refused, in: clinicID)
        let admitted = zip(bookings, decisions).filter { $1 == .goesOn }.map(\.0)
        var outcomes = (admitted.isEmpty ? [] : await book(admitted))[...]
        return decisions.map { decision in
            switch decision {
            case .goesOn: outcomes.removeFirst()
            case .contended: .refused(.slotContended, instead: nil)
            case .isDuplicate: .failed(KeyIsElsewhere())
            }
        }
    }

    /// Asks for all slots that may have one seat together.
    /// - Returns: What was granted, and the slots that somebody else has.
    private func takeSlots(
        of bookings: [Booking], in clinicID: UUID
    ) async -> (locks: [Redlock.Lock], refused: Set<UUID>) {
        let slots = Array(Set(bookings.map(\.request.slotID)).filter { !known.isRoomy($0) })
        let answers = await redlock.acquire(
            slots.map { "\(clinicID.uuidString.lowercased()):\($0.uuidString.lowercased())" })
        var locks: [Redlock.Lock] = []
        var refused: Set<UUID> = []
        for (slot, answer) in zip(slots, answers) {
            switch answer {
            case .held(let lock): locks.append(lock)
            case .refused: refused.insert(slot)
            case .unavailable: break
            }
        }
        return (locks, refused)
    }

    /// Looks closer at those whose slot somebody else has: it may have several seats, and then nobody need
    /// wait; and what was done under their key already is to be told again.
    ///
    /// That takes one read of the database, and no lock; none where it is known that the slots have one seat,
    /// and nobody has sent a key.
    private func decide(
        _ bookings: [Booking], _ refused: Set<UUID>, in clinicID: UUID
    ) async -> [Decision] {
        let unknown = refused.filter { !known.isSingle($0) }
        let asking = bookings.filter { refused.contains($0.request.slotID) }
        let keys = asking.compactMap { $0.once.map { IdempotencyKey(request: $0.request) } }
        var duplicates: Set<IdempotencyKey> = []
        if !unknown.isEmpty || !keys.isEmpty {
            do {
                let (slots, areFree) = try await store.read { tx in
                    let slots = tx.pipeline.capacities(of: Array(unknown), in: clinicID)
                    let areFree = tx.pipeline.tryTurns(for: keys)
                    return Pending { (try slots.get(), try areFree.get()) }
                }
                for slot in slots { known.note(slot.id, capacity: slot.capacity) }
                duplicates = Set(zip(keys, areFree).filter { !$1 }.map(\.0))
            } catch {
                // Whoever goes on is told what is wrong.
                return bookings.map { _ in .goesOn }
            }
        }
        return bookings.map { booking in
            guard refused.contains(booking.request.slotID) else { return .goesOn }
            if let once = booking.once, duplicates.contains(IdempotencyKey(request: once.request)) {
                return .isDuplicate
            }
            // Neither a slot with several seats nor one that is not there.
            return known.isSingle(booking.request.slotID) ? .contended : .goesOn
        }
    }
}

extension Pipeline {
    /// Queues the reading of how many seats slots have, those that are there.
    fileprivate func capacities(
        of slots: [UUID], in clinicID: UUID
    ) -> Pending<[SlotCapacity]> {
        all(
            SlotCapacity.self,
            """
            SELECT id, capacity
            FROM slots
            WHERE clinic_id = \(clinicID) AND id = ANY(\(slots))
            """)
    }
}

private struct SlotCapacity: RowDecodable {
    let id: UUID
    let capacity: Int

    init(row: inout Row) throws {
        id = try row.next()
        capacity = try row.next()
    }
}
