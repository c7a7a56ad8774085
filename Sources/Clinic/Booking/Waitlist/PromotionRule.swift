import FoundationEssentials
import Postgres

/// A patient who has just left a slot, and is not offered it again.
struct Leaving: Sendable {
    let patientID: UUID
    let slotID: UUID
}

/// An entry of the waitlist while it is locked.
struct LockedWish: Hashable, Sendable {
    let id: UUID
    let patientID: UUID
    /// Nil: any.
    let practitionerID: UUID?
    let from: Date
    let to: Date
}

extension LockedWish: RowDecodable {
    static let columns: SQL = "id, patient_id, practitioner_id, wanted_from, wanted_to"

    init(row: inout Row) throws {
        id = try row.next()
        patientID = try row.next()
        practitionerID = try row.next()
        from = try row.next()
        to = try row.next()
    }

    /// Whether it is for such a slot.
    func wants(_ slot: LockedSlot) -> Bool {
        (practitionerID == nil || practitionerID == slot.practitionerID)
            && slot.startsAt >= from && slot.startsAt < to
    }
}

/// When a patient is busy.
struct BusyTime: Hashable, Sendable, RowDecodable {
    let patientID: UUID
    let time: Range<Date>

    init(patientID: UUID, time: Range<Date>) {
        self.patientID = patientID
        self.time = time
    }

    init(row: inout Row) throws {
        patientID = try row.next()
        time = try row.next()..<row.next()
    }
}

/// Decides who of those who wait is given which seat: first come, first served, each the earliest that it
/// can have; who can have none is passed over. Pure: no database, no clock of its own.
struct PromotionRule {
    private var slots: [LockedSlot]
    private var busy: [UUID: [Range<Date>]]
    private let leaving: Leaving?

    /// - Parameter slots: Those that can be booked now.
    init(open slots: [LockedSlot], busy: [BusyTime], leaving: Leaving?) {
        self.slots = slots.sorted {
            ($0.startsAt, $0.id.uuidString) < ($1.startsAt, $1.id.uuidString)
        }
        self.busy = Dictionary(grouping: busy, by: \.patientID).mapValues { $0.map(\.time) }
        self.leaving = leaving
    }

    /// A wish that is fulfilled.
    struct Promotion: Hashable, Sendable {
        let wish: LockedWish
        let slot: LockedSlot
    }

    /// - Parameter wishes: Who has waited longest comes first.
    mutating func decide(_ wishes: [LockedWish]) -> [Promotion] {
        var promotions: [Promotion] = []
        for wish in wishes {
            // What the patient has just been given for another wish may fulfil this one, too.
            let hasSuch = promotions.contains {
                $0.wish.patientID == wish.patientID && wish.wants($0.slot)
            }
            guard !hasSuch, let index = slots.firstIndex(where: { canHave(wish, $0) }) else {
                continue
            }
            let slot = slots[index]
            promotions.append(Promotion(wish: wish, slot: slot))
            busy[wish.patientID, default: []].append(slot.startsAt..<slot.endsAt)
            slots[index].booked += 1
        }
        return promotions
    }

    private func canHave(_ wish: LockedWish, _ slot: LockedSlot) -> Bool {
        slot.booked < slot.capacity && wish.wants(slot)
            && !(leaving?.patientID == wish.patientID && leaving?.slotID == slot.id)
            && !(busy[wish.patientID]?.contains { $0.overlaps(slot.startsAt..<slot.endsAt) }
                ?? false)
    }
}
