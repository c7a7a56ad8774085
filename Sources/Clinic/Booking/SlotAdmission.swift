import FoundationEssentials
import Logging
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
    private let known: KnownSlots

    /// How long it may take to look closer at those who are refused.
    private static let patience = Duration.seconds(1)

    /// What becomes of a booking whose slot somebody else has.
    private enum Decision {
        case goesOn
        case contended
        /// Somebody is in progress under its key, or was: it has to be asked for alone, and needs no leave.
        case isDuplicate
    }

    init(redlock: Redlock, store: Store) {
        self.redlock = redlock
        self.store = store
        known = KnownSlots(patience: redlock.lifetime)
    }

    /// Has those booked who are let in, and holds their slots meanwhile.
    /// - Parameters:
    ///   - mayBeLate: Whether who need not be let in, as it turns out, may come again instead of being waited for.
    ///   - tell: Where somebody is refused it is told, by its place, of each outcome as it comes: nobody waits for
    ///     what becomes of others.
    ///   - book: Gives an outcome to each, in their order.
    /// - Returns: Likewise, for all.
    func admit(
        _ bookings: [Booking], in clinicID: UUID, mayBeLate: Bool,
        telling tell: @escaping BatchQueue<Booking, BookingOutcome>.Tell = { _, _ in },
        _ book: @escaping @Sendable ([Booking]) async -> [BookingOutcome?]
    ) async -> [BookingOutcome?] {
        let (locks, refused) = await takeSlots(of: bookings, in: clinicID)
        guard !refused.isEmpty else {
            defer { redlock.release(locks) }
            return await book(bookings)
        }
        let places = bookings.indices
        let admitted = places.filter { !refused.contains(bookings[$0].request.slotID) }
        let others = places.filter { refused.contains(bookings[$0].request.slotID) }
        @Sendable func go(_ places: [Int]) async -> [(Int, BookingOutcome?)] {
            guard !places.isEmpty else { return [] }
            let outcomes = await book(places.map { bookings[$0] })
            for case (let place, let outcome?) in zip(places, outcomes) { tell(place, outcome) }
            return Array(zip(places, outcomes))
        }
        @Sendable func goAdmitted() async -> [(Int, BookingOutcome?)] {
            defer { redlock.release(locks) }
            return await go(admitted)
        }
        // What is asked about the others is asked meanwhile.
        async let first = goAdmitted()
        var outcomes = [BookingOutcome?](repeating: nil, count: bookings.count)
        var waved: [Int] = []
        for (place, decision) in zip(
            others, await decide(others.map { bookings[$0] }, in: clinicID))
        {
            switch decision {
            case .goesOn: waved.append(place)
            case .contended: outcomes[place] = .refused(.slotContended, instead: nil)
            case .isDuplicate: outcomes[place] = .failed(KeyIsElsewhere())
            }
            if let outcome = outcomes[place] { tell(place, outcome) }
        }
        for (place, outcome) in await first { outcomes[place] = outcome }
        if !mayBeLate { for (place, outcome) in await go(waved) { outcomes[place] = outcome } }
        return outcomes
    }

    /// Asks for all slots that may have one seat together.
    /// - Returns: What was granted, and the slots that somebody else has.
    private func takeSlots(
        of bookings: [Booking], in clinicID: UUID
    ) async -> (locks: [Redlock.Lock], refused: Set<UUID>) {
        let slots = Set(bookings.map(\.request.slotID))
            .map { KnownSlots.Key(clinicID: clinicID, slotID: $0) }
            .filter { !known.isRoomy($0) }
        let answers = await redlock.acquire(slots.map(\.resource))
        var locks: [Redlock.Lock] = []
        var refused: Set<UUID> = []
        for (slot, answer) in zip(slots, answers) {
            switch answer {
            case .held(let lock):
                locks.append(lock)
                known.admit(slot)
            case .refused:
                if !known.refuse(slot) {
                    refused.insert(slot.slotID)
                } else if known.mayComplain() {
                    store.environment.logger.warning(
                        "bookings go on without Redis: it has kept a slot from them for too long",
                        metadata: ["slot": "\(slot.resource)"])
                }
            case .unavailable: break
            }
        }
        return (locks, refused)
    }

    /// Looks closer at those whose slot somebody else has: it may have several seats, and then nobody need
    /// wait; and what was done under their key already is to be told again.
    ///
    /// That takes one read of the database, and waits for no lock; none where it is known that the slots have one
    /// seat, and nobody has sent a key.
    private func decide(_ bookings: [Booking], in clinicID: UUID) async -> [Decision] {
        func key(_ booking: Booking) -> KnownSlots.Key {
            KnownSlots.Key(clinicID: clinicID, slotID: booking.request.slotID)
        }
        let unknown = Set(bookings.map(key)).filter { !known.isSingle($0) }
        let keys = bookings.compactMap { $0.once.map { IdempotencyKey(request: $0.request) } }
        var duplicates: Set<IdempotencyKey> = []
        if !unknown.isEmpty || !keys.isEmpty {
            do {
                let (slots, areFree) = try await store.read(until: .now + Self.patience) { tx in
                    let slots = tx.pipeline.capacities(
                        of: unknown.map(\.slotID), in: clinicID)
                    let areFree = tx.pipeline.tryTurns(for: keys)
                    return Pending { (try slots.get(), try areFree.get()) }
                }
                for slot in slots {
                    known.note(.init(clinicID: clinicID, slotID: slot.id), capacity: slot.capacity)
                }
                duplicates = Set(zip(keys, areFree).filter { !$1 }.map(\.0))
            } catch {
                // Whoever may be a duplicate, or need not wait, is told by PostgreSQL.
                return bookings.map {
                    $0.once == nil && known.isSingle(key($0)) ? .contended : .goesOn
                }
            }
        }
        return bookings.map { booking in
            if let once = booking.once, duplicates.contains(IdempotencyKey(request: once.request)) {
                return .isDuplicate
            }
            // Neither a slot with several seats nor one that is not there.
            return known.isSingle(key(booking)) ? .contended : .goesOn
        }
    }
}

extension KnownSlots.Key {
    /// What Redis knows it by.
    fileprivate var resource: String {
        "\(clinicID.uuidString.lowercased()):\(slotID.uuidString.lowercased())"
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
