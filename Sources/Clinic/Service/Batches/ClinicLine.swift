import FoundationEssentials

/// How much goes together, and how much at once.
struct BatchLimits: Sendable {
    /// Requests that may wait; half of them of one clinic, so that its rush keeps nobody else out.
    var waiting = 4096
    /// Different slots in a batch. All who want the same slot come along, for they cost next to nothing.
    var slots = 64
    /// Requests in a batch.
    var requests = 256
    /// Batches at once; two of one clinic.
    var batches = 4
    /// Requests that must wait before a second batch of their clinic begins beside the first. A smaller one
    /// would only split what goes better together.
    var second = 16
    /// Slots whose locks are waited for at once.
    var late = 2
}

/// One clinic's part of a ``BatchLine``.
struct ClinicLine<Entry: Sendable>: Sendable {
    /// Those whose slots are free to go for, in the order of arrival.
    private(set) var waiting: [Entry] = []
    /// The slots that somebody goes for, each with those who stand behind, in the order of arrival.
    private var taken: [UUID: [Entry]] = [:]
    /// Batches in flight.
    var batches = 0
    /// How many wait, late ones included.
    var count = 0

    var isIdle: Bool { count == 0 && batches == 0 && taken.isEmpty }

    /// All who wait here.
    var all: [Entry] { waiting + taken.values.joined() }

    mutating func enter(_ entry: Entry, for slotID: UUID) {
        count += 1
        if taken[slotID] != nil {
            taken[slotID]?.append(entry)
        } else {
            waiting.append(entry)
        }
    }

    /// Takes those who go next, as many as the limits allow. Who wants one of their slots as well, and was
    /// too many, stands behind it now.
    mutating func take(_ limits: BatchLimits, slot: (Entry) -> UUID) -> ([Entry], Set<UUID>) {
        var entries: [Entry] = []
        var slots: Set<UUID> = []
        var rest: [Entry] = []
        for entry in waiting {
            let slotID = slot(entry)
            if slots.contains(slotID) {
                if entries.count < limits.requests {
                    entries.append(entry)
                } else {
                    taken[slotID]?.append(entry)
                }
            } else if slots.count < limits.slots, entries.count < limits.requests {
                entries.append(entry)
                slots.insert(slotID)
                taken[slotID] = []
            } else {
                rest.append(entry)
            }
        }
        waiting = rest
        count -= entries.count
        return (entries, slots)
    }

    /// Takes those who stand behind a slot, which stays taken.
    /// - Parameter limit: How many at the most.
    mutating func takeBehind(_ slotID: UUID, atMost limit: Int) -> [Entry] {
        let behind = taken[slotID] ?? []
        taken[slotID] = Array(behind.dropFirst(limit))
        return Array(behind.prefix(limit))
    }

    /// Nobody goes for those slots any more: who stood behind waits where the order of arrival says.
    mutating func free(_ slots: Set<UUID>, _ isBefore: (Entry, Entry) -> Bool) {
        let freed = slots.flatMap { taken.removeValue(forKey: $0) ?? [] }
        guard !freed.isEmpty else { return }
        waiting += freed
        waiting.sort(by: isBefore)
    }

    /// Takes out of those who wait whom `isLeaving` names.
    mutating func leave(where isLeaving: (Entry) -> Bool) -> [Entry] {
        var left: [Entry] = []
        func sift(_ entries: inout [Entry]) {
            guard entries.contains(where: isLeaving) else { return }
            left += entries.filter(isLeaving)
            entries.removeAll(where: isLeaving)
        }
        sift(&waiting)
        for slotID in taken.keys { sift(&taken[slotID, default: []]) }
        count -= left.count
        return left
    }
}
