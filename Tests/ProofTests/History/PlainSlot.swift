import FoundationEssentials
import Proof

/// A slot as the contract tells of it, which does one thing after the other. Written without a look
/// at
/// ``SlotState``, against which it is held.
struct PlainSlot {
    private(set) var isGone = false
    private(set) var isBlocked = false
    private(set) var version = 1
    private(set) var capacity: Int
    private(set) var booked: [UUID] = []
    private(set) var heldBy: UUID?
    private(set) var heldUntil = Date.distantPast

    enum Refusal: Error {
        case told(SlotObservation)
        /// For a reason that says nothing of the slot.
        case otherwise
    }

    init(capacity: Int) { self.capacity = capacity }

    mutating func make(_ change: SlotChange, at now: Date) throws(Refusal) {
        if isGone { throw .told(.notFound) }
        switch change {
        case .booked(let appointment, let patient):
            try checkRoom(for: patient, at: now)
            booked.append(appointment)
            heldBy = nil
        case .freed(let appointment):
            guard let seat = booked.firstIndex(of: appointment) else { throw .otherwise }
            booked.remove(at: seat)
        case .held(let patient, let until):
            guard capacity == 1 else { throw .otherwise }
            try checkRoom(for: patient, at: now)
            (heldBy, heldUntil) = (patient, until)
        case .released(let patient):
            guard heldBy == patient else { throw .told(.notHeld(by: patient)) }
            heldBy = nil
        case .changed(let newCapacity, let isNowBlocked, let from):
            if let from { try checkVersion(from) }
            if let newCapacity, newCapacity != capacity {
                if isHeld(at: now) { throw .told(.held(until: heldUntil, from: nil)) }
                if newCapacity < booked.count { throw .told(.booked(sent: version)) }
                capacity = newCapacity
            }
            if let isNowBlocked { isBlocked = isNowBlocked }
            if capacity != 1 { heldBy = nil }
        case .deleted(let from):
            try checkVersion(from)
            if !booked.isEmpty { throw .told(.booked(sent: from)) }
            isGone = true
        }
        version += 1
    }

    func look(at now: Date) -> SlotObservation {
        if isGone { return .notFound }
        let status: SlotObservation.Status =
            if isBlocked {
                .busyUnavailable
            } else if booked.count >= capacity {
                .busy
            } else if isHeld(at: now) {
                .busyTentative
            } else {
                .free
            }
        return .read(version: version, booked: booked.count, status: status)
    }

    func isHeld(at now: Date) -> Bool { heldBy != nil && now < heldUntil }

    private func checkRoom(for patient: UUID, at now: Date) throws(Refusal) {
        if isBlocked { throw .told(.unavailable) }
        if booked.count >= capacity { throw .told(.taken) }
        if isHeld(at: now), heldBy != patient {
            throw .told(.held(until: heldUntil, from: patient))
        }
    }

    private func checkVersion(_ sent: Int) throws(Refusal) {
        if sent != version { throw .told(.stale(sent: sent, current: version)) }
    }
}

extension PlainSlot {
    /// Whether somebody can have been told this of it.
    func shows(_ observation: SlotObservation, at now: Date) -> Bool {
        switch observation {
        case .taken, .unavailable:
            return refusal(of: .booked(UUID(), patient: UUID()), at: now) == observation
        case .held(_, let patient?):
            return refusal(of: .booked(UUID(), patient: patient), at: now) == observation
        case .held(_, nil):
            return refusal(of: .changed(capacity: capacity + 1, from: nil), at: now) == observation
        case .notHeld(let patient):
            return !isGone && !(isHeld(at: now) && (patient == nil || patient == heldBy))
        case .notFound: return look(at: now) == .notFound
        case .stale(let sent, let current):
            let refusal = refusal(of: .deleted(from: sent), at: now)
            return refusal == .stale(sent: sent, current: version)
                && (current == nil || current == version)
        case .booked(let sent): return refusal(of: .deleted(from: sent), at: now) == observation
        case .read(let version, let booked, let status):
            guard case .read(let isAt, let has, let shown) = look(at: now) else { return false }
            return version == isAt && (booked == nil || booked == has)
                && (status == nil || status == shown)
        }
    }

    private func refusal(of change: SlotChange, at now: Date) -> SlotObservation? {
        var copy = self
        do {
            try copy.make(change, at: now)
        } catch .told(let observation) {
            return observation
        } catch {}
        return nil
    }
}
