import Clinic
import FoundationEssentials
import HTTPFront
import Postgres
import PostgresTesting
import Proof
import ServiceTesting
import Testing

@Suite("Several servers and several instances", .serialized, .timeLimit(.minutes(30)))
struct SeveralTests {
    @Test(
        "the primary is killed and the standby promoted, under load, twice: nothing is lost or doubled"
    )
    func failover() async throws {
        try await inTemporaryFolder { folder in
            for round in try await FailoverRun(rounds: 2).run(in: folder) {
                #expect(round.result.isGood, "\(round) \(round.result.breaches)")
                #expect(round.result.acknowledged >= 1000)
            }
        }
    }

    @Test("a rolling restart behind a load balancer, twice: nobody even has to ask again")
    func rolling() async throws {
        try await inTemporaryFolder { folder in
            let result = try await RollingRun(rounds: 2).run(in: folder)
            #expect(result.isGood, "\(result) \(result.breaches)")
            #expect(result.acknowledged >= 500)
            #expect(result.retries == 0)
        }
    }

    @Test(
        "a commit that is given up while it waits for the standby is not told before the standby has it"
    )
    func givenUp() async throws {
        try await withReplicatedServer { server in
            let database = server.database
            try await withService(on: database, database.service) { service in
                let fixture = try await Fixture(service)
                let slot = try await fixture.slots(1)[0]
                let patient = try await fixture.patients(1)[0]
                try await server.stopStandby()
                let booking = Task { try await fixture.book(slot.id, as: patient) }
                let sessions = Sessions(of: database)
                try await sessions.wait(until: .waitingForStandby)
                let now = try await sessions.now
                try await sessions.cancel(.waitingForStandby)
                // It is committed here, and only here; so whoever asks for it waits again.
                try await sessions.wait(until: .waitingForStandby(since: now))
                try await server.startStandby()
                let answer = try await booking.value
                #expect(answer.status == 201)
                try await server.killPrimary()
                try await server.promoteStandby()
                let appointments = try await fixture.appointments(in: slot)
                #expect(try appointments.map(\.id.text) == [answer.id])
            }
        }
    }

    private func inTemporaryFolder(_ body: (URL) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "holdfast-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(folder)
    }
}
