import FoundationEssentials
import ServiceTesting
import Proof

/// What clients saw of a slot that did one thing after the other: a good history.
struct MadeUpHistory {
    /// The slot as each version was, the first at 0.
    private(set) var versions: [PlainSlot]
    private(set) var operations: [SlotOperation] = []
    private var now = Date(halfSeconds: 100)
    private var dice: Dice

    /// - Parameter spread: Half seconds at most from asking to what happens, and on to the answer.
    init(count: Int, spread: Int, capacity: Int, dice: Dice) {
        self.dice = dice
        versions = [PlainSlot(capacity: capacity)]
        while operations.count < count { act(spread) }
        operations.shuffle(using: &self.dice)
    }

    var slot: PlainSlot { versions[versions.count - 1] }
    var start: SlotState { SlotState(capacity: versions[0].capacity) }
    var history: SlotHistory { SlotHistory(from: start, operations) }

    private mutating func act(_ spread: Int) {
        now = now.later(by: .random(in: 0...2, using: &dice))
        // Some are slow and some are fast, so that of one thing much is seen at both its ends.
        let reach = Bool.random(using: &dice) ? spread : spread / 4
        let asked = now.later(by: -.random(in: 0...reach, using: &dice))
        let answered = now.later(by: .random(in: 0...reach, using: &dice))
        let isLost = Int.random(in: 0..<8, using: &dice) == 0
        let name = "request \(operations.count)"
        guard let change = dice.change(of: slot, at: now) else {
            let seen = dice.observation(of: slot, at: now)
            operations.append(
                SlotOperation(
                    name, asked: asked, answer: isLost ? nil : .saw(seen, at: answered)))
            return
        }
        var next = slot
        do {
            try next.make(change, at: now)
            versions.append(next)
            operations.append(
                SlotOperation(
                    name, asked: asked, answer: isLost ? nil : .done(at: answered),
                    entry: .init(version: next.version, change)))
        } catch .told(let observation) {
            operations.append(
                SlotOperation(name, asked: asked, answer: .saw(observation, at: answered)))
        } catch {}
    }
}

extension Dice {
    static let patients = (1...4).map { UUID(number: $0) }

    mutating func patient() -> UUID { Self.patients.randomElement(using: &self) ?? UUID(number: 0) }

    /// What somebody may want of a slot; nil: only to look.
    fileprivate mutating func change(of slot: PlainSlot, at now: Date) -> SlotChange? {
        let seen = slot.version - (Int.random(in: 0..<4, using: &self) == 0 ? 1 : 0)
        switch Int.random(in: 0..<40, using: &self) {
        case 0..<12:
            let appointment = UUID(number: .random(in: 100..<1_000_000, using: &self))
            return .booked(appointment, patient: patient())
        case 12..<20: return slot.booked.randomElement(using: &self).map(SlotChange.freed)
        case 20..<26:
            return .held(
                patient: patient(), until: now.later(by: .random(in: 1...12, using: &self)))
        case 26..<29: return slot.heldBy.map(SlotChange.released)
        case 29..<32: return .changed(isBlocked: !slot.isBlocked, from: seen)
        case 32..<34:
            return .changed(capacity: .random(in: 1...3, using: &self), from: seen)
        case 34: return .changed(isBlocked: false, from: nil)
        case 35 where Int.random(in: 0..<8, using: &self) == 0: return .deleted(from: seen)
        default: return nil
        }
    }

    /// Something that is true of the slot.
    fileprivate mutating func observation(of slot: PlainSlot, at now: Date) -> SlotObservation {
        let patient = patient()
        if Bool.random(using: &self), slot.shows(.notHeld(by: patient), at: now) {
            return .notHeld(by: patient)
        }
        guard case .read(let version, let booked, let status) = slot.look(at: now) else {
            return .notFound
        }
        if Int.random(in: 0..<6, using: &self) == 0 { return .stale(sent: version - 1) }
        return .read(
            version: version, booked: Bool.random(using: &self) ? booked : nil,
            status: Bool.random(using: &self) ? status : nil)
    }
}

extension UUID {
    /// The same one in every run.
    init(number: Int) {
        let bytes = withUnsafeBytes(of: UInt64(number).bigEndian, Array.init)
        self.init(
            uuid: (
                0, 0, 0, 0, 0, 0, 0, 0, bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5],
                bytes[6], bytes[7]
            ))
    }
}

extension Date {
    /// So coarse that much happens at one moment.
    init(halfSeconds: Int) {
        self.init(timeIntervalSinceReferenceDate: Double(halfSeconds) / 2)
    }

    func later(by halfSeconds: Int) -> Date { addingTimeInterval(Double(halfSeconds) / 2) }
}
