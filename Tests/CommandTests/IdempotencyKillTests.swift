import Clinic
import Foundation
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting
import Testing

@Suite("A request that is sent again outlives the service", .timeLimit(.minutes(30)))
struct IdempotencyKillTests {
    @Test("kill -9 after the commit and before the answer: sent again, it gets that answer")
    func killed() async throws {
        try await withPrivateServer { server in
            let environment = [
                "DATABASE_URL": server.database.url, "HOLDFAST_JWT_SECRET": Service.secret,
            ]
            let asked = Asked()
            let killed = try await withKilledServe(
                on: server.database, environment: environment
            ) { service in
                let fixture = try await Fixture(service)
                let request = Request(
                    fixture, try await fixture.slots(1)[0], try await fixture.patients(1)[0])
                await asked.keep(request)
                // The commit is on the disk, and its answer waits for a standby.
                try await server.loseStandby()
                let sessions = Sessions(of: server.database)
                let before = try await sessions.count(.waitingForStandby)
                Task { try await request.send() }
                try await sessions.wait(until: .waitingForStandby, before + 1)
            }
            #expect(killed.exitCode == -1)
            try await server.regainStandby()

            let ended = try await withServe(
                ["--drain-delay", "0s"], on: server.database, environment: environment
            ) { service, terminate in
                let request = try await asked.request(on: service)
                let answer = try await request.send()
                #expect(answer.status == 201)
                #expect(answer.headers["idempotency-replayed"] == "true")
                let appointments = try await request.fixture.appointments(in: request.slot)
                #expect(appointments.map(\.id.text) == [try answer.id])
                #expect(try await request.fixture.breaches() == [])
                try terminate()
            }
            #expect(ended.exitCode == 0, "\(ended.errors)")
        }
    }
}

/// A booking under a key.
private struct Request: Sendable {
    let fixture: Fixture
    let slot: Slot
    let patient: Patient

    init(_ fixture: Fixture, _ slot: Slot, _ patient: Patient) {
        self.fixture = fixture
        self.slot = slot
        self.patient = patient
    }

    func send() async throws -> Answer {
        try await fixture.send(
            "POST", "appointments", as: fixture.token(of: patient),
            #"{"slot_id": "\#(slot.id.text)"}"#, key: "k")
    }
}

/// What is known from before the service was killed.
private actor Asked {
    private var request: Request?

    func keep(_ request: Request) { self.request = request }

    func request(on service: Service) throws -> Request {
        let request = try #require(request)
        return Request(request.fixture.moved(to: service), request.slot, request.patient)
    }
}
