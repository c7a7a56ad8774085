import Clinic
import FoundationEssentials
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting
import Testing

@Suite("Offline locks, step by step and all at once", .timeLimit(.minutes(30)))
struct LockRaceTests {
    @Test(
        "64 contenders for overlapping sets: grants of one target do not overlap, and their numbers rise"
    )
    func history() async throws {
        try await withService(configure: {
            $0.lockTimeout = .seconds(30)
            $0.leaseTimeout = .seconds(60)
        }) { service in
            let fixture = try await Fixture(service)
            let patients = try await fixture.patients(8).map(\.id)
            let locks = OfflineLockService(store: service.store)
            let clinicID = fixture.clinic.id
            let granted = RunCounter()
            let end = ContinuousClock.now + .seconds(60)
            try await withThrowingTaskGroup { group in
                group.addTask { while .now < end { try await locks.sweep() } }
                for contender in 0..<64 {
                    group.addTask {
                        var random = SplitMix(seed: UInt64(contender))
                        let author = Author(subject: "contender\(contender)", requestID: "race")
                        while .now < end {
                            let wanted = patients.shuffled(using: &random)
                                .prefix(.random(in: 1...3, using: &random))
                            let isForgetful = Int.random(in: 0..<20, using: &random) == 0
                            let request = try LockRequest(
                                targets: wanted.map { LockTarget(type: .patient, id: $0) },
                                reason: "race", lifetime: isForgetful ? 1 : 900, mode: .new)
                            do {
                                let lock = try await locks.acquire(
                                    request, in: clinicID, by: author
                                ).lock
                                granted.begin()
                                // One that is not released is swept, or taken over.
                                guard !isForgetful else { continue }
                                _ = try await locks.renew(lock.token, in: clinicID, by: author)
                                try await locks.release(lock.token, in: clinicID, by: author)
                            } catch LockError.locked {}
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(granted.count > 200)
            // The journal is the history: what each lock was on, from its row's commit to its end's.
            let breaches = try await service.database.owner.read { tx in
                tx.pipeline.all(
                    Scalar<Int>.self,
                    """
                    WITH granted AS (
                        SELECT
                            journal.object_id AS token,
                            target ->> 'id' AS patient,
                            (journal.detail ->> 'fencing_token')::bigint AS number,
                            journal.at AS since,
                            ending.at AS until
                        FROM journal
                        CROSS JOIN jsonb_array_elements(journal.detail -> 'targets') AS target
                        LEFT JOIN journal AS ending
                            ON ending.object_id = journal.object_id
                            AND ending.action IN ('lock.released', 'lock.expired')
                        WHERE journal.action = 'lock.acquired'
                    )
                    SELECT count(*)
                    FROM granted AS one
                    JOIN granted AS other USING (patient)
                    WHERE one.token <> other.token
                        AND one.since < other.since
                        AND (coalesce(one.until > other.since, true) OR one.number >= other.number)
                    UNION ALL
                    SELECT count(DISTINCT token)
                    FROM granted
                    """)
            }.map(\.value)
            #expect(breaches == [0, granted.count])
            #expect(try await Verification(store: service.store).run().breaches.isEmpty)
        }
    }

    @Test(
        "the same two patients, named in opposite orders, 200 times at once: no deadlock reaches anybody"
    )
    func crosswise() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let patients = try await fixture.patients(2).map(\.id)
            let locks = OfflineLockService(store: service.store)
            for round in 0..<200 {
                let barrier = Barrier(2)
                let outcomes = try await withThrowingTaskGroup(of: OfflineLock?.self) { group in
                    for name in ["ada", "ben"] {
                        let ids = name == "ada" ? patients : patients.reversed()
                        group.addTask {
                            let request = try LockRequest(
                                targets: ids.map { LockTarget(type: .patient, id: $0) },
                                reason: "round \(round)")
                            await barrier.arrive()
                            do {
                                return try await locks.acquire(
                                    request, in: fixture.clinic.id,
                                    by: Author(subject: name, requestID: "race")
                                ).lock
                            } catch LockError.locked {
                                return nil
                            }
                        }
                    }
                    var acquired: [OfflineLock] = []
                    for try await case let lock? in group { acquired.append(lock) }
                    return acquired
                }
                try #require(outcomes.count == 1)
                try await locks.release(
                    outcomes[0].token, in: fixture.clinic.id,
                    by: Author(subject: outcomes[0].holder, requestID: "race"))
            }
        }
    }

    /// Every way to write to a record.
    static let writes = [
        ("PATCH", "", #"{"name": "written by ada"}"#),
        ("POST", "/prescriptions", #"{"drug": "A", "dosage": "B"}"#),
        ("PATCH", "/prescriptions/DRUG", #"{"drug": "B"}"#), ("DELETE", "/prescriptions/DRUG", nil),
        ("POST", "/insurances", #"{"insurer": "A", "policy_number": "B"}"#),
    ]

    @Test(
        "the holder writes while the lock expires and a colleague takes over: the take-over waits, and sees it",
        arguments: writes)
    func takeOverWaits(method: String, path: String, body: String?) async throws {
        try await withScene { scene in
            let sessions = Sessions(of: scene.desk.service.database)
            let id = scene.patientID
            let drug = try await scene.desk.fixture.prescription(for: id).id.text
            let before = try await scene.version()
            let lock = try await scene.desk.acquire(as: "ada", [scene.desk.ann])
            try await scene.desk.expire(lock, in: "1 second")
            // The holder has its lock's row, and waits for the patient's.
            try await holding(
                "SELECT FROM patients WHERE id = \(id) FOR UPDATE",
                in: scene.desk.service.database
            ) { hold in
                async let written = scene.write(
                    method, path.replacing("DRUG", with: drug), body, under: lock.token)
                try await sessions.wait(until: .blocked)
                while try await !scene.hasExpired(lock.token) {}
                async let next = scene.desk.acquire(as: "ben", [scene.desk.ann])
                try await sessions.wait(until: .blocked, 2)
                hold.release()
                let status = try await written.status
                #expect((200...204).contains(status))
                #expect(try await next.status == 201)
            }
            #expect(try await scene.version() == before + 1)
        }
    }

    @Test(
        "a colleague has taken over, and not committed yet: the holder's write waits, and is not made"
    )
    func writeWaits() async throws {
        try await withScene { scene in
            let sessions = Sessions(of: scene.desk.service.database)
            let lock = try await scene.desk.acquire(as: "ada", [scene.desk.ann])
            try await scene.desk.expire(lock, in: "1 hour")
            let token = try #require(UUID(uuidString: try lock.token))
            try await holding(
                "UPDATE offline_locks SET expires_at = now() WHERE token = \(token)",
                in: scene.desk.service.database
            ) { hold in
                async let written = scene.write(
                    "PATCH", "", #"{"name": "x"}"#, under: lock.token)
                try await sessions.wait(until: .blocked)
                hold.release()
                #expect(try await written.problemCode == "lock_lost")
            }
            #expect(try await scene.version() == 1)
        }
    }

    /// Two steps on one lock, of which the second begins while the first is not committed.
    static let steps = ["renew", "take over", "sweep", "release"]

    @Test(
        "renew, take over, sweep and release of an expired lock, in every order, one inside the other",
        arguments: steps, steps)
    func interleaved(first: String, second: String) async throws {
        try await withScene { scene in
            let desk = scene.desk
            let sessions = Sessions(of: desk.service.database)
            let lock = try await desk.acquire(as: "ada", [desk.ann], onExpiry: "notify")
            try await desk.expire(lock)
            // The journal is what each of them writes last: the first one stops there, its locks taken.
            try await holding(
                "LOCK TABLE journal IN SHARE ROW EXCLUSIVE MODE", in: desk.service.database
            ) { hold in
                let one = Task { try await scene.perform(first, on: lock.token, as: "ada") }
                // A renewal that is refused writes nothing, and is over.
                if first == "renew" {
                    _ = try await one.value
                } else {
                    try await sessions.wait(until: .blocked)
                }
                async let other = scene.perform(second, on: lock.token, as: "ben")
                if first != "renew" {
                    // A sweep steps over what is taken; everybody else waits for it.
                    if second == "sweep" {
                        #expect(try await other == 0)
                    } else {
                        try await sessions.wait(until: .blocked, 2)
                    }
                }
                hold.release()
                _ = try await (one.value, other)
            }
            // Whatever came first: the lock that had expired is over, its end was told once, and who took
            // over has the only lock.
            #expect(try await desk.renew(lock.token, as: "ada").problemCode == "lock_lost")
            let ends = try await scene.actions(of: lock.token).filter { $0 != "lock.acquired" }
            #expect(ends.count == ([first, second] == ["renew", "renew"] ? 0 : 1))
            let messages = try await scene.messages()
            #expect(messages == ends.count(where: { $0 == "lock.expired" }))
            #expect(try await Verification(store: desk.service.store).run().breaches.isEmpty)
        }
    }

    @Test("a renewal that came a moment before the sweep keeps the lock")
    func renewedBeforeSweep() async throws {
        try await withScene { scene in
            let desk = scene.desk
            let lock = try await desk.acquire(as: "ada", [desk.ann], seconds: 3600)
            let token = try #require(UUID(uuidString: try lock.token))
            try await desk.expire(lock)
            // As a renewal does that was in time: it is committed after the sweep has begun.
            try await holding(
                "UPDATE offline_locks SET expires_at = now() + ttl WHERE token = \(token)",
                in: desk.service.database
            ) { _ in
                // Who is renewing has the row; the sweep leaves it.
                let ended = try await OfflineLockService(store: desk.service.store).sweep()
                #expect(ended == 0)
            }
            #expect(try await OfflineLockService(store: desk.service.store).sweep() == 0)
            #expect(try await desk.renew(lock.token, as: "ada").status == 200)
        }
    }

    @Test("a renewal in time that is not committed when the time is over: it counts, for everybody")
    func renewedInTime() async throws {
        try await withScene { scene in
            let desk = scene.desk
            let sessions = Sessions(of: desk.service.database)
            let lock = try await desk.acquire(as: "ada", [desk.ann], seconds: 3600)
            try await desk.expire(lock, in: "1 second")
            try await holding(
                "LOCK TABLE journal IN SHARE ROW EXCLUSIVE MODE", in: desk.service.database
            ) { hold in
                async let renewed = desk.renew(lock.token, as: "ada")
                try await sessions.wait(until: .blocked)
                while try await !scene.hasExpired(lock.token) {}
                let ended = try await OfflineLockService(store: desk.service.store).sweep()
                #expect(ended == 0)
                async let takenOver = desk.acquire(as: "ben", [desk.ann])
                try await sessions.wait(until: .blocked, 2)
                hold.release()
                #expect(try await renewed.status == 200)
                #expect(try await takenOver.problemCode == "locked")
            }
        }
    }

    @Test(
        "the database refuses a write that forgot the lock, whatever its statement says",
        .disabled(
            if: TestServer.shared.isCitus, "which cannot evaluate the policies: docs/adr/0006"))
    func forgotten() async throws {
        try await withScene { scene in
            let desk = scene.desk
            let id = scene.patientID
            let clinicID = desk.fixture.clinic.id
            let drug = try await desk.fixture.prescription(for: id)
            _ = try await desk.acquire(as: "ada", [desk.ann])
            let service = desk.service.database.service
            let touched = try await service.transaction { tx in
                [
                    try tx.execute("UPDATE patients SET name = 'x' WHERE id = \(id)"),
                    try tx.execute("UPDATE prescriptions SET drug = 'x' WHERE id = \(drug.id)"),
                    try tx.execute("DELETE FROM prescriptions WHERE id = \(drug.id)"),
                    try tx.execute("DELETE FROM insurances"),
                ]
            }
            #expect(touched == [0, 0, 0, 0])
            let error = await #expect(throws: PostgresError.self) {
                try await service.transaction { tx in
                    try tx.execute(
                        """
                        INSERT INTO insurances (clinic_id, id, patient_id, insurer, policy_number)
                        VALUES (\(clinicID), gen_random_uuid(), \(id), 'x', 'y')
                        """)
                }
            }
            #expect(error?.sqlState == .insufficientPrivilege)
        }
    }

    @Test("the scoped form releases once, whether its body returns, throws or is cancelled")
    func scoped() async throws {
        try await withScene { scene in
            let locks = OfflineLockService(store: scene.desk.service.store)
            let target = LockTarget(type: .patient, id: scene.patientID)
            let clinicID = scene.desk.fixture.clinic.id
            @Sendable func free() async throws -> Bool {
                try await locks.locks(in: clinicID, on: nil, nil, PageRequest()).items.isEmpty
            }
            let answer = try await locks.withOfflineLock(
                on: [target], holder: Fixture.author, reason: "work", in: clinicID
            ) { claim in
                let isFree = try await free()
                #expect(!isFree)
                // One deeper, and out again: the outer one is still there.
                try await locks.withOfflineLock(
                    on: [target], holder: Fixture.author, reason: "more work", in: clinicID
                ) { #expect($0 == claim) }
                let isFreeAgain = try await free()
                #expect(!isFreeAgain)
                return 42
            }
            #expect(answer == 42)
            #expect(try await free())
            await #expect(throws: Fixture.Mishap.self) {
                try await locks.withOfflineLock(
                    on: [target], holder: Fixture.author, reason: "work", in: clinicID
                ) { _ in throw Fixture.Mishap() }
            }
            #expect(try await free())
            let (started, start) = AsyncStream.makeStream(of: Void.self)
            let cancelled = Task {
                try await locks.withOfflineLock(
                    on: [target], holder: Fixture.author, reason: "work", in: clinicID
                ) { _ in
                    start.finish()
                    // Ends when the task is cancelled.
                    let (end, never) = AsyncStream.makeStream(of: Void.self)
                    defer { never.finish() }
                    for await _ in end {}
                    try Task.checkCancellation()
                }
            }
            for await _ in started {}
            cancelled.cancel()
            await #expect(throws: CancellationError.self) { try await cancelled.value }
            #expect(try await free())
        }
    }

    private func withScene(_ body: @Sendable (Scene) async throws -> Void) async throws {
        try await withService(configure: { $0.lockTimeout = .seconds(60) }) { service in
            try await body(Scene(desk: try await LockDesk(Fixture(service))))
        }
    }
}

/// A patient whose record two people want.
private struct Scene: Sendable {
    let desk: LockDesk
    let patientID: UUID

    init(desk: LockDesk) throws {
        self.desk = desk
        patientID = try #require(UUID(uuidString: desk.ann))
    }

    /// Writes to the record, as Ada.
    func write(
        _ method: String, _ path: String, _ body: String?, under lock: String
    ) async throws -> Answer {
        try await desk.service.send(
            method, desk.path("patients/\(desk.ann)\(path)"), token: try await desk.token("ada"),
            body: body, headers: ["Lock-Token": lock])
    }

    /// The patient's.
    func version() async throws -> Int {
        try await desk.service.send(
            "GET", desk.path("patients/\(desk.ann)"), token: desk.admin
        ).json["version"]?.integer ?? 0
    }

    /// One of the things that can happen to a lock.
    func perform(_ step: String, on lock: String, as name: String) async throws -> Int {
        switch step {
        case "renew": try await desk.renew(lock, as: "ada").status
        case "take over": try await desk.acquire(as: name, [desk.ann]).status
        case "release": try await desk.release(lock, as: "ada").status
        default: try await OfflineLockService(store: desk.service.store).sweep()
        }
    }

    /// Whether a lock's time is over.
    func hasExpired(_ lock: String) async throws -> Bool {
        let token = try #require(UUID(uuidString: lock))
        return try await desk.service.database.owner.read { tx in
            tx.pipeline.one(
                Scalar<Bool>.self,
                "SELECT expires_at <= clock_timestamp() FROM offline_locks WHERE token = \(token)")
        }.value
    }

    /// What the journal says happened to a lock.
    func actions(of lock: String) async throws -> [String] {
        let token = try #require(UUID(uuidString: lock))
        return try await desk.service.database.owner.read { tx in
            tx.pipeline.all(
                Scalar<String>.self,
                "SELECT action FROM journal WHERE object_id = \(token) ORDER BY version")
        }.map(\.value)
    }

    func messages() async throws -> Int {
        try await desk.service.database.owner.read { tx in
            tx.pipeline.one(Scalar<Int>.self, "SELECT count(*) FROM outbox")
        }.value
    }
}

/// Random numbers that are the same in every run. Source: Steele, Lea and Flood, "Fast Splittable
/// Pseudorandom Number Generators" (2014).
private struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
