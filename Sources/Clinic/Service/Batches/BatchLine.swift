import FoundationEssentials

/// Who waits for which slot, and who goes next, with whom: pure state, no locks, no clock, no server.
///
/// A batch is of one clinic; clinics take turns. It takes all who wait when it begins, so batches grow with
/// the load and an idle service adds no delay. Each slot is in one transaction at a time: who asks for it
/// meanwhile stands behind, in the order of arrival.
///
/// ```
///              next: a batch              finish
///   waiting ───────────────▶ in flight ──────────────▶ answered
///      ▲                         │
///      │ their slot is free again│ somebody else has locked the slot
///   behind ◀── enter             ▼
///                               late ── next: all for that slot, who wait for its lock together
/// ```
struct BatchLine<Element: Sendable>: Sendable {
    /// Rises with each arrival.
    typealias Ticket = Int

    struct Entry: Sendable {
        let ticket: Ticket
        let clinicID: UUID
        let slotID: UUID
        let element: Element
    }

    /// Who goes together.
    struct Batch: Sendable {
        let clinicID: UUID
        let entries: [Entry]
        /// The slots that nobody else goes for meanwhile.
        fileprivate let slots: Set<UUID>
        /// Whether to wait for a slot that somebody else has locked, and not to pass it over.
        let waitsForLocks: Bool
    }

    /// Those whose slot somebody else had locked.
    private struct Late: Sendable {
        let clinicID: UUID
        let slotID: UUID
        var entries: [Entry]
    }

    private let limits: BatchLimits
    private var clinics: [UUID: ClinicLine<Entry>] = [:]
    /// Clinics in which somebody waits, the next one in front.
    private var turns: [UUID] = []
    private var late: [Late] = []
    private var batches = 0
    private var lateBatches = 0
    /// How many wait, those behind a slot and late ones included.
    private(set) var count = 0

    init(limits: BatchLimits = BatchLimits()) { self.limits = limits }

    /// Takes somebody in. False: too many wait already.
    mutating func enter(_ entry: Entry) -> Bool {
        let ofClinic = clinics[entry.clinicID]?.count ?? 0
        guard count < limits.waiting, ofClinic < max(1, limits.waiting / 2) else { return false }
        count += 1
        update(entry.clinicID) { $0.enter(entry, for: entry.slotID) }
        return true
    }

    /// The next batch that may begin now; nil if none may.
    mutating func next() -> Batch? { nextLate() ?? nextBatch() }

    /// Ends a batch: its slots are free for the next, but for those of late entries.
    mutating func finish(_ batch: Batch, late lateEntries: [Entry] = []) {
        let bySlot = Dictionary(grouping: lateEntries, by: \.slotID)
        late += bySlot.map { Late(clinicID: batch.clinicID, slotID: $0, entries: $1) }
        if batch.waitsForLocks { lateBatches -= 1 } else { batches -= 1 }
        count += lateEntries.count
        update(batch.clinicID) { clinic in
            if !batch.waitsForLocks { clinic.batches -= 1 }
            clinic.count += lateEntries.count
            clinic.free(batch.slots.filter { bySlot[$0] == nil }) { $0.ticket < $1.ticket }
        }
    }

    /// Takes out of those who wait whom `isLeaving` names.
    mutating func leave(where isLeaving: (Entry) -> Bool) -> [Entry] {
        var left: [Entry] = []
        for id in Array(clinics.keys) { update(id) { left += $0.leave(where: isLeaving) } }
        for index in late.indices {
            let leaving = late[index].entries.filter(isLeaving)
            guard !leaving.isEmpty else { continue }
            late[index].entries.removeAll(where: isLeaving)
            update(late[index].clinicID) { $0.count -= leaving.count }
            left += leaving
        }
        count -= left.count
        return left
    }

    /// When whoever gives up first does so.
    func earliest<Moment: Comparable>(_ moment: (Entry) -> Moment) -> Moment? {
        let inLine = clinics.values.lazy.flatMap { $0.all }.map(moment).min()
        return (late.flatMap(\.entries).map(moment) + [inLine].compactMap(\.self)).min()
    }
}

extension BatchLine {
    private mutating func nextBatch() -> Batch? {
        guard batches < limits.batches, let turn = turns.firstIndex(where: mayBegin) else {
            return nil
        }
        let id = turns[turn]
        // Behind the others, if somebody goes on waiting there.
        turns.remove(at: turn)
        turns.append(id)
        var taken: (entries: [Entry], slots: Set<UUID>) = ([], [])
        update(id) { [limits] clinic in
            taken = clinic.take(limits, slot: \.slotID)
            clinic.batches += 1
        }
        batches += 1
        count -= taken.entries.count
        return Batch(
            clinicID: id, entries: taken.entries, slots: taken.slots, waitsForLocks: false)
    }

    private func mayBegin(_ id: UUID) -> Bool {
        guard let clinic = clinics[id] else { return false }
        return switch clinic.batches {
        case 0: true
        case 1: clinic.waiting.count >= limits.second
        default: false
        }
    }

    /// Those who were late, and whoever came for the slot since.
    private mutating func nextLate() -> Batch? {
        while lateBatches < limits.late, !late.isEmpty {
            let first = late.removeFirst()
            var entries = first.entries
            let room = max(0, limits.requests - entries.count)
            update(first.clinicID) { clinic in
                entries += clinic.takeBehind(first.slotID, atMost: room)
                clinic.count -= entries.count
                // Everybody has left.
                if entries.isEmpty { clinic.free([first.slotID]) { $0.ticket < $1.ticket } }
            }
            count -= entries.count
            guard !entries.isEmpty else { continue }
            lateBatches += 1
            return Batch(
                clinicID: first.clinicID, entries: entries, slots: [first.slotID],
                waitsForLocks: true)
        }
        return nil
    }

    /// Changes a clinic's line in place; it has a turn as long as somebody waits in it.
    private mutating func update(_ id: UUID, _ change: (inout ClinicLine<Entry>) -> Void) {
        let hadTurn = clinics[id]?.waiting.isEmpty == false
        change(&clinics[id, default: ClinicLine()])
        guard let clinic = clinics[id] else { return }
        let wantsTurn = !clinic.waiting.isEmpty
        if wantsTurn && !hadTurn { turns.append(id) }
        if !wantsTurn && hadTurn { turns.removeAll { $0 == id } }
        if clinic.isIdle { clinics[id] = nil }
    }
}
