/// Who has which lane and who waits for one: pure state, no locks, no clock, no server.
///
/// Events go in as method calls, what to do about them comes out as an action; ``Pool`` decides
/// under its lock and acts outside it.
///
/// ```
///            lease                     release, nobody waits
///   idle ───────────▶ leased ─────────────────────────────────▶ idle
///                       ▲ │
///                       └─┘ release, somebody waits: handed over, first come, first served
/// ```
struct PoolStateMachine {
    typealias LaneID = Int
    typealias WaiterID = Int

    enum LeaseAction: Equatable {
        case grant(LaneID)
        case wait
        case refuse(PoolRefusal)
    }

    enum ReleaseAction: Equatable {
        case grant(LaneID, to: WaiterID)
        case park
        /// The pool is closed: this lane is not needed any more.
        case close(LaneID)
    }

    struct CloseAction: Equatable {
        var lanes: [LaneID]
        var waiters: [WaiterID]
    }

    private let size: Int
    private let waitingLimit: Int
    private var opened = 0
    /// The lane released last is leased first, so that a quiet service keeps few of them warm.
    private var idle: [LaneID] = []
    private var leased: Set<LaneID> = []
    private var waiting = WaitingLine()
    private var isClosed = false

    init(size: Int, waitingLimit: Int) {
        precondition(size > 0 && waitingLimit >= 0)
        self.size = size
        self.waitingLimit = waitingLimit
    }

    mutating func lease(_ waiter: WaiterID) -> LeaseAction {
        guard !isClosed else { return .refuse(.closed) }
        if let lane = idle.popLast() {
            leased.insert(lane)
            return .grant(lane)
        }
        if opened < size {
            defer { opened += 1 }
            leased.insert(opened)
            return .grant(opened)
        }
        guard waiting.count < waitingLimit else { return .refuse(.tooManyWaiting) }
        waiting.append(waiter)
        return .wait
    }

    mutating func release(_ lane: LaneID) -> ReleaseAction {
        precondition(leased.contains(lane), "released a lane that nobody had")
        if let waiter = waiting.popFirst() { return .grant(lane, to: waiter) }
        leased.remove(lane)
        guard !isClosed else { return .close(lane) }
        idle.append(lane)
        return .park
    }

    /// A waiter gave up. False if it was served before: it then has a lane to use or release.
    mutating func abandon(_ waiter: WaiterID) -> Bool { waiting.remove(waiter) }

    /// Refuses everything from now on. Lanes that are still leased are closed on their release.
    mutating func close() -> CloseAction {
        isClosed = true
        defer { idle = [] }
        return CloseAction(lanes: idle, waiters: waiting.removeAll())
    }
}

/// Why a lane was not leased.
enum PoolRefusal: Equatable {
    case closed
    case tooManyWaiting
    case timedOut
}

/// First come, first served; leaving early costs no search.
private struct WaitingLine {
    private var line: [PoolStateMachine.WaiterID] = []
    private var head = 0
    private var present: Set<PoolStateMachine.WaiterID> = []

    var count: Int { present.count }

    mutating func append(_ waiter: PoolStateMachine.WaiterID) {
        line.append(waiter)
        present.insert(waiter)
    }

    mutating func popFirst() -> PoolStateMachine.WaiterID? {
        while head < line.count {
            let waiter = line[head]
            head += 1
            dropServed()
            if present.remove(waiter) != nil { return waiter }
        }
        return nil
    }

    mutating func remove(_ waiter: PoolStateMachine.WaiterID) -> Bool {
        present.remove(waiter) != nil
    }

    mutating func removeAll() -> [PoolStateMachine.WaiterID] {
        defer { self = WaitingLine() }
        return line[head...].filter(present.contains)
    }

    /// Gives the memory of those served back, once they are more than half of the line.
    private mutating func dropServed() {
        guard head > 64, head * 2 > line.count else { return }
        line.removeFirst(head)
        head = 0
    }
}
