import FoundationEssentials
import Postgres
import Synchronization

/// Has requests for slots go together, in batches that form by themselves while others are in flight.
///
/// It decides with ``BatchLine`` under its lock, and acts outside it. Within one process first come is first
/// served, for each slot.
final class BatchQueue<Request: Sendable, Answer: Sendable>: Sendable {
    /// Goes for a batch's slots.
    ///
    /// It may `tell` the answer to one of the requests, by its place, before it has those to the others.
    /// - Returns: An answer to each request, in their order; nil where somebody else has locked the slot and
    ///   the batch does not wait for locks.
    typealias Run =
        @Sendable (
            _ requests: [Request], _ clinicID: UUID, _ waitsForLocks: Bool, _ tell: @escaping Tell
        ) async -> [Answer?]
    typealias Tell = @Sendable (_ place: Int, _ answer: Answer) -> Void
    /// Called once, on whichever thread; returns at once.
    typealias Reply = @Sendable (Result<Answer, any Error>) -> Void

    private struct Waiter: Sendable {
        let request: Request
        let deadline: Deadline
        let reply: Reply
    }

    private struct State {
        var line: BatchLine<Waiter>
        var nextTicket = 0
        /// Whether somebody looks after those whose deadline passes.
        var isWatched = false
    }

    private let state: Mutex<State>
    private let run: Run

    init(limits: BatchLimits = BatchLimits(), run: @escaping Run) {
        state = Mutex(State(line: BatchLine(limits: limits)))
        self.run = run
    }

    /// How many wait for their batch.
    var waiting: Int { state.withLock { $0.line.count } }

    /// Goes for a slot with the next batch. Once in a batch, a request gets its answer, whatever its deadline;
    /// only where somebody else has locked what it needs it waits on.
    /// - Parameter reply: Gets the answer, or ``Unavailable`` `overloaded` if too many wait already, or if its
    ///   turn did not come before the deadline. Nothing was done then.
    func submit(
        _ request: Request, for slotID: UUID, in clinicID: UUID, until deadline: Deadline,
        reply: @escaping Reply
    ) {
        let waiter = Waiter(request: request, deadline: deadline, reply: reply)
        let hasRoom = state.withLock { state in
            state.nextTicket += 1
            return state.line.enter(
                BatchLine.Entry(
                    ticket: state.nextTicket, clinicID: clinicID, slotID: slotID, element: waiter))
        }
        guard hasRoom else {
            let cause = "too many bookings wait already"
            return reply(.failure(Unavailable(reason: .overloaded, cause: cause)))
        }
        begin()
    }

    /// Begins every batch that may begin now.
    private func begin() {
        let (batches, isToBeWatched) = state.withLock { state in
            var batches: [BatchLine<Waiter>.Batch] = []
            while let batch = state.line.next() { batches.append(batch) }
            let isToBeWatched = state.line.count > 0 && !state.isWatched
            if isToBeWatched { state.isWatched = true }
            return (batches, isToBeWatched)
        }
        // Tasks of their own: no caller's cancellation may reach what others are in, too.
        for batch in batches { Task.detached { await self.go(batch) } }
        if isToBeWatched { Task.detached { await self.watch() } }
    }

    private func go(_ batch: BatchLine<Waiter>.Batch) async {
        let told = Mutex<Set<Int>>([])
        @Sendable func tell(_ place: Int, _ answer: Answer) {
            guard told.withLock({ $0.insert(place).inserted }) else { return }
            batch.entries[place].element.reply(.success(answer))
        }
        let answers = await run(
            batch.entries.map(\.element.request), batch.clinicID, batch.waitsForLocks, tell)
        precondition(answers.count == batch.entries.count, "a request got no answer")
        let late = zip(batch.entries, answers).filter { $1 == nil }.map(\.0)
        precondition(late.isEmpty || !batch.waitsForLocks, "a batch that waits was late")
        state.withLock { $0.line.finish(batch, late: late) }
        begin()
        for (place, answer) in answers.enumerated() {
            if let answer { tell(place, answer) }
        }
    }

    /// Sends away those whose deadline passes, as long as anybody waits.
    private func watch() async {
        while let deadline = nextDeadline() {
            // Nobody cancels it.
            try? await Task.sleep(until: deadline, clock: .continuous)
            giveUp(
                Unavailable(reason: .overloaded, cause: "its turn did not come before the deadline")
            ) {
                $0.element.deadline <= .now
            }
        }
    }

    private func nextDeadline() -> Deadline? {
        state.withLock { state in
            let deadline = state.line.earliest(\.element.deadline)
            state.isWatched = deadline != nil
            return deadline
        }
    }

    private func giveUp(
        _ error: any Error, where isLeaving: @Sendable (BatchLine<Waiter>.Entry) -> Bool
    ) {
        let left = state.withLock { $0.line.leave(where: isLeaving) }
        for entry in left { entry.element.reply(.failure(error)) }
    }
}
