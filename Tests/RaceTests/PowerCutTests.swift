import Clinic
import FoundationEssentials
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting
import Synchronization
import Testing

@Suite("PostgreSQL killed under load", .timeLimit(.minutes(30)))
struct PowerCutTests {
    @Test(
        "nothing acknowledged is lost, nobody waits in vain, and the service comes back by itself")
    func killed() async throws {
        // With fsync, as in earnest.
        try await withPrivateServer([]) { server in
            let pool = server.database.service { $0.poolSize = 8 }
            try await withService(on: server.database, pool) { service in
                let fixture = try await Fixture(service)
                let slots = try await fixture.slots(1500)
                let patients = try await fixture.patients(30)
                let load = Load(fixture, slots: slots, patients: patients)

                let clients = Task { await load.run(clients: 30) }
                try await load.waitUntil { $0.acknowledged.count >= 100 }
                try await server.kill()
                try await load.waitUntil { $0.refused >= 60 }
                try await server.start()
                let atRestart = load.tally.acknowledged.count
                try await load.waitUntil { $0.acknowledged.count >= atRestart + 100 }
                load.stop()
                await clients.value

                let tally = load.tally
                #expect(tally.unexpected == [])
                let stored = try await server.database.owner.read { tx in
                    tx.pipeline.all(Scalar<UUID>.self, "SELECT id FROM appointments")
                }
                let lost = tally.acknowledged.subtracting(stored.map(\.value.text))
                #expect(lost == [])
                let report = try await Verification(store: service.store).run()
                #expect(report.breaches.map(\.rule) == [])
                try await Sessions(of: server.database).wait(untilAtMost: 8 + 4, .open)
            }
            await pool.close()
            await server.database.service.close()
            // What is left is the owner's, which asks.
            try await Sessions(of: server.database).wait(untilAtMost: 3, .open)
        }
    }
}

/// Clients that book one slot after the other and note every answer.
private final class Load: Sendable {
    struct Tally: Sendable {
        var acknowledged: Set<String> = []
        /// 503, each with its `Retry-After` unless the outcome is unknown.
        var refused = 0
        var unexpected: [String] = []
        var isStopped = false
        var next = 0
    }

    private let fixture: Fixture
    private let slots: [Slot]
    private let patients: [Patient]
    private let state = Mutex(Tally())
    private let changes = AsyncStream.makeStream(
        of: Void.self, bufferingPolicy: .bufferingNewest(1))

    init(_ fixture: Fixture, slots: [Slot], patients: [Patient]) {
        self.fixture = fixture
        self.slots = slots
        self.patients = patients
    }

    var tally: Tally { state.withLock(\.self) }

    func stop() { state.withLock { $0.isStopped = true } }

    func waitUntil(_ condition: (Tally) -> Bool) async throws {
        guard !condition(tally) else { return }
        for await _ in changes.stream where condition(tally) { return }
        Issue.record("the slots ran out")
    }

    private func note(_ change: (inout Tally) -> Void) {
        state.withLock { change(&$0) }
        changes.continuation.yield()
    }

    func run(clients: Int) async {
        await withTaskGroup { group in
            for client in 0..<clients {
                group.addTask { [self] in
                    while let slot = nextSlot() { await book(slot, as: patients[client]) }
                }
            }
        }
        changes.continuation.finish()
    }

    private func nextSlot() -> Slot? {
        state.withLock { tally in
            guard !tally.isStopped, tally.next < slots.count else { return nil }
            defer { tally.next += 1 }
            return slots[tally.next]
        }
    }

    /// Asks until the answer is final, as a client does that is told to try again.
    private func book(_ slot: Slot, as patient: Patient) async {
        while !tally.isStopped {
            let answer: Answer
            do {
                answer = try await fixture.book(slot.id, as: patient)
            } catch {
                return note { $0.unexpected.append("\(error)") }
            }
            switch (answer.status, answer.problemCode) {
            case (201, _):
                guard let id = try? answer.json["id"]?.text else { break }
                return note { $0.acknowledged.insert(id) }
            case (503, "outcome_unknown"?): note { $0.refused += 1 }
            case (503, _?) where answer.headers["retry-after"] != nil: note { $0.refused += 1 }
            // Its own earlier try, whose outcome it was told is unknown, may have had it.
            case (409, "slot_taken"?), (409, "patient_busy"?): return
            default:
                return note { $0.unexpected.append("\(answer.status) \(answer.body)") }
            }
        }
    }
}
