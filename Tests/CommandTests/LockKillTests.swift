import Clinic
import Foundation
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting
import Testing

@Suite("Offline locks outlive the service", .timeLimit(.minutes(30)))
struct LockKillTests {
    @Test(
        "kill -9 while locks are held: after a restart they are held, and expire when they should")
    func killed() async throws {
        try await withTestDatabase { db in
            let environment = [
                "DATABASE_URL": db.url, "HOLDFAST_JWT_SECRET": Service.secret,
            ]
            let held = Held()
            let killed = try await withKilledServe(on: db, environment: environment) { service in
                let desk = try await LockDesk(Fixture(service))
                let long = try await desk.acquire(as: "ada", [desk.ann], seconds: 3600)
                let short = try await desk.acquire(
                    as: "ada", [desk.bob], seconds: 3600, onExpiry: "notify")
                try await desk.expire(short, in: "2 seconds")
                await held.keep(desk, long, short)
            }
            #expect(killed.exitCode == -1)
            let ended = try await withServe(
                ["--drain-delay", "0s"], on: db, environment: environment
            ) { service, terminate in
                let (desk, long, short) = try await held.things(on: service)
                let refused = try await desk.acquire(as: "ben", [desk.ann])
                #expect(refused.status == 423)
                #expect(try refused.json["expires_at"] == long.json["expires_at"])
                #expect(try await desk.renew(long.token, as: "ada").status == 200)
                // The sweep ends it when its time is over, and its holder is told, once.
                let room = MailRoom(service, url: "smtp://127.0.0.1:1")
                while try await room.entries().isEmpty {}
                #expect(try await room.entries().map(\.kind) == ["lock.expired"])
                #expect(try await desk.renew(short.token, as: "ada").problemCode == "lock_lost")
                #expect(try await desk.acquire(as: "ben", [desk.bob]).status == 201)
                try terminate()
            }
            #expect(ended.exitCode == 0, "\(ended.errors)")
        }
    }
}

/// What is known from before the service was killed.
private actor Held {
    private var things: (LockDesk, Answer, Answer)?

    func keep(_ desk: LockDesk, _ long: Answer, _ short: Answer) { things = (desk, long, short) }

    func things(on service: Service) throws -> (LockDesk, Answer, Answer) {
        let (desk, long, short) = try #require(things)
        return (desk.moved(to: service), long, short)
    }
}
