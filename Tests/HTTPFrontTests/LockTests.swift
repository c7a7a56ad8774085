import Clinic
import FoundationEssentials
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting
import Testing

@Suite("Offline locks over HTTP")
struct LockTests {
    @Test("a colleague is kept out, and told by whom, why and until when")
    func keptOut() async throws {
        try await withLocks { desk in
            let lock = try await desk.acquire(as: "ada", [desk.ann], reason: "a long visit")
            #expect(lock.status == 201)
            #expect(lock.headers["location"]?.hasSuffix(try lock.token) == true)
            #expect(try lock.json["holder"]?.text == "ada")
            #expect(try lock.json["depth"]?.integer == 1)
            #expect(try lock.json["targets"]?.list?.compactMap { $0["id"]?.text } == [desk.ann])

            let refused = try await desk.acquire(as: "ben", [desk.bob, desk.ann])
            #expect(refused.status == 423 && refused.problemCode == "locked")
            #expect(try refused.json["holder"]?.text == "ada")
            #expect(try refused.json["reason"]?.text == "a long visit")
            #expect(try refused.json["target"]?["id"]?.text == desk.ann)
            #expect(try refused.json["expires_at"] == lock.json["expires_at"])
            let wait = try #require(refused.headers["retry-after"].flatMap { Int($0) })
            #expect((890...901).contains(wait))
            // All or none: what was free has stayed so.
            #expect(try await desk.acquire(as: "ben", [desk.bob]).status == 201)
        }
    }

    @Test("its holder acquires it again, one deeper, and it is free once it was released as often")
    func reentrant() async throws {
        try await withLocks { desk in
            let first = try await desk.acquire(as: "ada", [desk.ann, desk.bob], seconds: 60)
            let again = try await desk.acquire(as: "ada", [desk.bob, desk.ann], seconds: 600)
            #expect(again.status == 200)
            #expect(try again.token == first.token)
            #expect(try again.json["depth"]?.integer == 2)
            #expect(try again.json["fencing_token"] == first.json["fencing_token"])
            #expect(try again.expiry > first.expiry.addingTimeInterval(500))
            // A shorter wish does not take away what was promised.
            let shorter = try await desk.acquire(as: "ada", [desk.ann, desk.bob], seconds: 5)
            #expect(try shorter.expiry == again.expiry)

            for _ in 1...2 {
                #expect(try await desk.release(first.token, as: "ada").status == 204)
                #expect(try await desk.acquire(as: "ben", [desk.ann]).status == 423)
            }
            #expect(try await desk.release(first.token, as: "ada").status == 204)
            #expect(try await desk.release(first.token, as: "ada").problemCode == "lock_not_found")
            let next = try await desk.acquire(as: "ben", [desk.ann])
            #expect(next.status == 201)
            let numbers = try [first, next].map { try $0.json["fencing_token"]?.integer ?? 0 }
            #expect(numbers[1] > numbers[0])
        }
    }

    @Test("a part of one's own set, once, and new are no way in")
    func notReentrant() async throws {
        try await withLocks { desk in
            #expect(try await desk.acquire(as: "ada", [desk.ann, desk.bob]).status == 201)
            let part = try await desk.acquire(as: "ada", [desk.ann])
            #expect(part.problemCode == "locked")
            #expect(try part.json["holder"]?.text == "ada")
            let new = try await desk.acquire(as: "ada", [desk.ann, desk.bob], mode: "new")
            #expect(new.status == 423)
        }
        try await withLocks { desk in
            let once = try await desk.acquire(as: "ada", [desk.ann], mode: "once")
            #expect(once.status == 201)
            #expect(try await desk.acquire(as: "ada", [desk.ann]).status == 423)
        }
    }

    @Test("renewed by its holder, by nobody else, and not once it has expired")
    func renewed() async throws {
        try await withLocks { desk in
            let lock = try await desk.acquire(as: "ada", [desk.ann], seconds: 60)
            try await desk.expire(lock, in: "30 seconds")
            let renewed = try await desk.renew(lock.token, as: "ada")
            #expect(renewed.status == 200)
            #expect(try renewed.expiry >= lock.expiry)
            #expect(try await desk.renew(lock.token, as: "ben").problemCode == "lock_lost")
            #expect(try await desk.renew(UUID().text, as: "ada").problemCode == "lock_lost")
            try await desk.expire(lock)
            #expect(try await desk.renew(lock.token, as: "ada").problemCode == "lock_lost")
        }
    }

    @Test("only its holder releases it; an administrator breaks it, and the holder hears of it")
    func broken() async throws {
        try await withLocks { desk in
            let lock = try await desk.acquire(as: "ada", [desk.ann])
            _ = try await desk.acquire(as: "ada", [desk.ann])
            #expect(try await desk.release(lock.token, as: "ben").problemCode == "forbidden")
            #expect(try await desk.release(lock.token, as: "ben", "?force=true").status == 403)
            #expect(try await desk.release(lock.token, as: "ben", "?force=maybe").status == 422)
            let broken = try await desk.service.send(
                "DELETE", desk.path("locks/\(try lock.token)?force=true"), token: desk.admin)
            #expect(broken.status == 204)
            #expect(try await desk.acquire(as: "ben", [desk.ann]).status == 201)

            let audit = try await desk.service.send(
                "GET", desk.path("audit?object_type=lock&object_id=\(try lock.token)"),
                token: desk.admin)
            let entries = try audit.json["items"]?.list ?? []
            #expect(
                entries.compactMap { $0["action"]?.text } == [
                    "lock.acquired", "lock.reacquired", "lock.broken",
                ])
            #expect(entries.last?["actor"]?.text == "admin@test")
            #expect(entries.last?["detail"]?["holder"]?.text == "ada")

            try await withMailSink { sink in
                try await MailRoom(desk.service, url: sink.url).courier().deliverDue()
                let mail = try await sink.received
                #expect(mail.map(\.recipients) == [["ada@example.org"]])
                #expect(mail.first?["Subject"] == "Your lock has been broken")
                #expect(mail.first?.text("text/plain")?.contains("admin@test has broken") == true)
            }
        }
    }

    @Test("on expiry: released and notified ones are free, once, and a kept one is not")
    func expiry() async throws {
        try await withLocks { desk in
            let released = try await desk.acquire(as: "ada", [desk.ann])
            let notified = try await desk.acquire(as: "ada", [desk.bob], onExpiry: "notify")
            let kept = try await desk.acquire(as: "ada", [desk.cat], onExpiry: "keep")
            for lock in [released, notified, kept] { try await desk.expire(lock) }
            // Taken over before anybody swept.
            #expect(try await desk.acquire(as: "ben", [desk.bob]).status == 201)
            let locks = OfflineLockService(store: desk.service.store)
            #expect(try await locks.sweep() == 1)
            #expect(try await locks.sweep() == 0)
            #expect(try await desk.acquire(as: "ben", [desk.ann]).status == 201)
            let refused = try await desk.acquire(as: "ben", [desk.cat])
            #expect(refused.status == 423 && refused.headers["retry-after"] == "60")
            // Its holder gets it back, and everybody else once it is released.
            #expect(try await desk.renew(kept.token, as: "ada").status == 200)
            #expect(try await desk.release(kept.token, as: "ada").status == 204)
            #expect(try await desk.acquire(as: "ben", [desk.cat]).status == 201)

            let room = MailRoom(desk.service, url: "smtp://127.0.0.1:1")
            #expect(try await room.entries().map(\.kind) == ["lock.expired"])
            #expect(try await Verification(store: desk.service.store).run().breaches.isEmpty)
        }
    }

    @Test("the list shows what keeps others out, by target")
    func list() async throws {
        try await withLocks { desk in
            let lock = try await desk.acquire(as: "ada", [desk.ann, desk.bob])
            let expired = try await desk.acquire(as: "ada", [desk.cat])
            try await desk.expire(expired)
            func tokens(_ query: String) async throws -> [String] {
                let answer = try await desk.service.send(
                    "GET", desk.path("locks\(query)"), token: desk.admin)
                return try answer.json["items"]?.list?.compactMap { $0["token"]?.text } ?? []
            }
            #expect(try await tokens("") == [lock.token])
            #expect(try await tokens("?type=patient&id=\(desk.bob)") == [lock.token])
            #expect(try await tokens("?id=\(desk.cat)").isEmpty)
        }
    }

    @Test("a DELETE sent again with its Idempotency-Key lowers the depth once")
    func idempotent() async throws {
        try await withLocks { desk in
            let lock = try await desk.acquire(as: "ada", [desk.ann])
            _ = try await desk.acquire(as: "ada", [desk.ann])
            let answers = try await withThrowingTaskGroup { group in
                for _ in 1...8 {
                    group.addTask {
                        try await desk.release(lock.token, as: "ada", key: "\"k1\"")
                    }
                }
                return try await group.reduce(into: [Answer]()) { $0.append($1) }
            }
            #expect(answers.allSatisfy { $0.status == 204 })
            let replays = answers.filter { $0.headers["idempotency-replayed"] == "true" }
            #expect(replays.count == 7)
            // Bare or quoted, it is the same key; it is for this request and this caller only.
            #expect(
                try await desk.release(lock.token, as: "ada", key: "k1")
                    .headers["idempotency-replayed"] == "true")
            #expect(try await desk.acquire(as: "ben", [desk.ann]).status == 423)
            let other = try await desk.release(lock.token, as: "ada", "?force=false", key: "k1")
            #expect(other.problemCode == "idempotency_key_reused")
            let invalid = try await desk.release(lock.token, as: "ada", key: "two words")
            #expect(invalid.problemCode == "invalid_idempotency_key")
            #expect(try await desk.release(lock.token, as: "ada", key: "k2").status == 204)
            #expect(try await desk.acquire(as: "ben", [desk.ann]).status == 201)
        }
    }

    @Test("a POST sent again with its Idempotency-Key acquires the lock once, and is told the same")
    func acquiredOnce() async throws {
        try await withLocks { desk in
            @Sendable func acquire(_ reason: String) async throws -> Answer {
                try await desk.service.send(
                    "POST", desk.path("locks"), token: try await desk.token("ada"),
                    body: """
                        {"targets": [{"type": "patient", "id": "\(desk.ann)"}], "reason": "\(reason)"}
                        """, headers: ["Idempotency-Key": "k"])
            }
            let first = try await acquire("a visit")
            let again = try await acquire("a visit")
            #expect(first.status == 201 && again.status == 201)
            #expect(first.body == again.body)
            #expect(first.headers["location"] == again.headers["location"])
            #expect(again.headers["idempotency-replayed"] == "true")
            #expect(try await acquire("another").problemCode == "idempotency_key_reused")
            #expect(try await desk.release(first.token, as: "ada").status == 204)
            #expect(try await desk.acquire(as: "ben", [desk.ann]).status == 201)
        }
    }

    @Test("a duplicate of a DELETE that is in progress waits for it, and is given its answer")
    func duplicateInFlight() async throws {
        try await withLocks { desk in
            let lock = try await desk.acquire(as: "ada", [desk.ann])
            _ = try await desk.acquire(as: "ada", [desk.ann])
            let database = desk.service.database
            let sessions = Sessions(of: database)
            // Another instance: within one, a duplicate waits without asking the database.
            try await withService(on: database, database.service) { elsewhere in
                try await holding("SELECT FROM offline_locks FOR UPDATE", in: database) { hold in
                    async let one = desk.release(lock.token, as: "ada", key: "k")
                    async let other = desk.moved(to: elsewhere)
                        .release(lock.token, as: "ada", key: "k")
                    try await sessions.wait(until: .blocked, 2)
                    hold.release()
                    let replays = try await [one, other].map {
                        $0.headers["idempotency-replayed"]
                    }
                    #expect(Set(replays) == [nil, "true"])
                }
            }
            #expect(try await desk.acquire(as: "ben", [desk.ann]).status == 423)
        }
    }

    @Test(
        "what cannot be a lock is refused, and the member named",
        arguments: [
            (#"{"targets": [], "reason": "x"}"#, "targets"),
            (#"{"reason": "x"}"#, "targets"),
            (#"{"targets": "x", "reason": "x"}"#, "targets"),
            (#"{"targets": [{"type": "slot", "id": "ID"}], "reason": "x"}"#, "type"),
            (#"{"targets": [{"type": "patient", "id": "1"}], "reason": "x"}"#, "id"),
            (#"{"targets": [{"type": "patient", "id": "ID", "x": 1}], "reason": "x"}"#, "x"),
            (
                #"{"targets": [{"type": "patient", "id": "ID"}, {"type": "patient", "id": "ID"}], "reason": "x"}"#,
                "targets"
            ),
            (#"{"targets": [{"type": "patient", "id": "ID"}], "reason": "LONG"}"#, "reason"),
            (#"{"targets": [{"type": "patient", "id": "ID"}]}"#, "reason"),
            (
                #"{"targets": [{"type": "patient", "id": "ID"}], "reason": "x", "ttl_seconds": 0}"#,
                "ttl_seconds"
            ),
            (
                #"{"targets": [{"type": "patient", "id": "ID"}], "reason": "x", "ttl_seconds": 315360000}"#,
                "ttl_seconds"
            ),
            (
                #"{"targets": [{"type": "patient", "id": "ID"}], "reason": "x", "mode": "twice"}"#,
                "mode"
            ),
            (
                #"{"targets": [{"type": "patient", "id": "ID"}], "reason": "x", "on_expiry": "x"}"#,
                "on_expiry"
            ),
        ])
    func invalid(body: String, member: String) async throws {
        try await withLocks { desk in
            let body = body.replacing("ID", with: desk.ann)
                .replacing("LONG", with: String(repeating: "x", count: 10_000))
            let answer = try await desk.service.send(
                "POST", desk.path("locks"), token: desk.admin, body: body)
            #expect(answer.status == 422)
            #expect(try answer.json["member"]?.text == member)
        }
    }

    @Test("100 targets are a lock, 101 are not, and a patient that is not there is not found")
    func targets() async throws {
        try await withLocks { desk in
            let patients = try await desk.patients(101)
            #expect(try await desk.acquire(as: "ada", Array(patients.prefix(100))).status == 201)
            let tooMany = try await desk.acquire(as: "ben", patients)
            #expect(tooMany.status == 422)
            #expect(try tooMany.json["member"]?.text == "targets")
            let missing = try await desk.acquire(as: "ben", [desk.ann, UUID().text])
            #expect(missing.problemCode == "patient_not_found")
            #expect(try await desk.acquire(as: "ben", [desk.ann]).status == 201)
        }
    }

    private func withLocks(_ body: @Sendable (LockDesk) async throws -> Void) async throws {
        try await withService { service in
            try await body(LockDesk(Fixture(service)))
        }
    }
}
