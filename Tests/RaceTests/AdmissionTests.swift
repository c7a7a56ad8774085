import Clinic
import FoundationEssentials
import HTTPFront
import Logging
import Postgres
import PostgresTesting
import Redlock
import ServiceTesting
import Testing

@Suite("Redis in front of slots with one seat", .serialized, .timeLimit(.minutes(30)))
struct AdmissionTests {
    @Test("who comes while another instance goes for the slot is told so at once")
    func contended() async throws {
        try await withGuardedClinic { clinic in
            let fixture = clinic.fixture
            let slot = try await fixture.slots(1)[0]
            let patients = try await fixture.patients(3)
            let lock = try await clinic.takeElsewhere(slot)
            try await holding(
                "SELECT FROM slots WHERE id = \(slot.id) FOR UPDATE", in: fixture.service.database
            ) { _ in
                // Whoever asked for the row would wait for it.
                for patient in patients.prefix(2) {
                    let answer = try await fixture.book(slot.id, as: patient)
                    #expect(answer.problemCode == "slot_contended")
                    #expect(answer.headers["retry-after"] == "1")
                    #expect(answer.status == 409)
                }
                #expect(try await Sessions(of: fixture.service.database).count(.blocked) == 0)
            }
            clinic.other.release([lock])
            #expect(
                try await clinic.insist { try await $0.book(slot.id, as: patients[2]) } == "201")
            // Behind an answer the slot is given back.
            _ = try await clinic.takeElsewhere(slot)
        }
    }

    @Test("a slot with several seats is nobody's alone, and one that is not there is not found")
    func others() async throws {
        try await withGuardedClinic { clinic in
            let fixture = clinic.fixture
            let slot = try await fixture.slots(1, capacity: 2)[0]
            let patients = try await fixture.patients(3)
            _ = try await clinic.takeElsewhere(slot)
            for patient in patients.prefix(2) {
                #expect(try await fixture.book(slot.id, as: patient).status == 201)
            }
            #expect(try await fixture.book(slot.id, as: patients[2]).problemCode == "slot_taken")
            let unknown = UUID()
            _ = try await clinic.takeElsewhere(unknown)
            let answer = try await fixture.book(unknown, as: patients[2])
            #expect(answer.problemCode == "slot_not_found")
        }
    }

    @Test("what was answered under a key is given again, whoever goes for the slot meanwhile")
    func replayed() async throws {
        try await withGuardedClinic { clinic in
            let fixture = clinic.fixture
            let slot = try await fixture.slots(1)[0]
            let patients = try await fixture.patients(2)
            let first = try await fixture.book(slot.id, as: patients[0], key: "mine")
            #expect(first.status == 201)
            let lock = try await clinic.takeElsewhere(slot)
            let again = try await fixture.book(slot.id, as: patients[0], key: "mine")
            #expect(again.status == 201 && again.body == first.body)
            #expect(again.headers["idempotency-replayed"] == "true")
            // That it was contended is not kept.
            let late = try await fixture.book(slot.id, as: patients[1], key: "late")
            #expect(late.problemCode == "slot_contended")
            clinic.other.release([lock])
            let told = try await clinic.insist {
                try await $0.book(slot.id, as: patients[1], key: "late")
            }
            #expect(told == "slot_taken")
        }
    }

    @Test("two of one key at once are both told that another instance goes for the slot")
    func bothContended() async throws {
        try await withGuardedClinic { clinic in
            let fixture = clinic.fixture
            let slot = try await fixture.slots(1)[0]
            let patient = try await fixture.patients(1)[0]
            let lock = try await clinic.takeElsewhere(slot)
            async let first = fixture.book(slot.id, as: patient, key: "mine")
            async let second = fixture.book(slot.id, as: patient, key: "mine")
            let answers = try await [first, second]
            #expect(answers.map(\.problemCode) == ["slot_contended", "slot_contended"])
            clinic.other.release([lock])
        }
    }

    @Test("a duplicate of what another instance has in hand waits for its answer")
    func duplicate() async throws {
        try await withGuardedClinic { clinic in
            let fixture = clinic.fixture
            let slot = try await fixture.slots(1)[0]
            let patient = try await fixture.patients(1)[0]
            try await clinic.withSecondInstance { second in
                try await holding(
                    "SELECT FROM slots WHERE id = \(slot.id) FOR UPDATE",
                    in: fixture.service.database
                ) { hold in
                    async let first = fixture.book(slot.id, as: patient, key: "mine")
                    let sessions = Sessions(of: fixture.service.database)
                    try await sessions.wait(until: .blocked, 1)
                    async let again = second.book(slot.id, as: patient, key: "mine")
                    try await sessions.wait(until: .blocked, 2)
                    hold.release()
                    let answers = try await [first, again]
                    #expect(answers.map(\.status) == [201, 201])
                    #expect(answers[0].body == answers[1].body)
                }
            }
            #expect(try await fixture.appointments(in: slot).count == 1)
        }
    }

    @Test(
        "a slot that is kept from an instance for longer than any lock lasts is gone for all the same"
    )
    func fairness() async throws {
        var settings = Redlock.Settings.patient
        settings.lifetime = .milliseconds(300)
        try await withGuardedClinic(settings, elsewhere: .patient) { clinic in
            let slot = try await clinic.fixture.slots(1)[0]
            let patient = try await clinic.fixture.patients(1)[0]
            // Somebody elsewhere has it for ten minutes, and does nothing.
            _ = try await clinic.takeElsewhere(slot)
            #expect(try await clinic.insist { try await $0.book(slot.id, as: patient) } == "201")
        }
    }

    enum Weather: CaseIterable {
        case fair, twoDown, threeDown, allDown, oneFrozen, allFrozen, oneRestartedEmpty, forgetful
    }

    @Test(
        "whatever Redis does, each slot is booked once and everybody is told the truth",
        arguments: Weather.allCases)
    func storm(weather: Weather) async throws {
        try await withGuardedClinic(Redlock.Settings()) { clinic in
            let fixture = clinic.fixture
            let servers = clinic.servers
            switch weather {
            case .fair, .oneRestartedEmpty, .forgetful: break
            case .twoDown: for server in servers.prefix(2) { server.kill() }
            case .threeDown: for server in servers.prefix(3) { server.kill() }
            case .allDown: for server in servers { server.kill() }
            case .oneFrozen: servers[0].freeze()
            case .allFrozen: for server in servers { server.freeze() }
            }
            let slots = try await fixture.slots(10)
            let patients = try await fixture.patients(100)
            try await clinic.withSecondInstance { second in
                let told = try await withThrowingTaskGroup(of: String.self) { group in
                    for (place, patient) in patients.enumerated() {
                        let desk = place.isMultiple(of: 2) ? fixture : second
                        group.addTask {
                            try await clinic.insist(at: desk) {
                                try await $0.book(slots[place / 10].id, as: patient)
                            }
                        }
                    }
                    if weather == .oneRestartedEmpty {
                        servers[0].kill()
                        try await servers[0].start()
                    }
                    if weather == .forgetful {
                        for round in 0..<50 { try servers[round % 5].forget() }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(told.count { $0 == "201" } == 10)
                #expect(told.count { $0 == "slot_taken" } == 90)
            }
            #expect(try await fixture.breaches() == [])
            for server in servers { server.thaw() }
        }
    }
}

/// A clinic whose bookings ask Redis first, and what another instance would ask.
private struct GuardedClinic: Sendable {
    let fixture: Fixture
    let servers: [RedisProcess]
    let redlock: Redlock
    let other: Redlock

    /// Takes a slot as another instance would.
    func takeElsewhere(_ slot: Slot) async throws -> Redlock.Lock {
        try await takeElsewhere(slot.id)
    }

    func takeElsewhere(_ slot: UUID) async throws -> Redlock.Lock {
        let resource = "\(fixture.clinic.id.text):\(slot.text)"
        while true {
            try await Task.sleep(for: .milliseconds(1))
            // What was given back may be on its way.
            if case .held(let lock)? = await other.acquire([resource]).first { return lock }
        }
    }

    /// Tries until the slot is not contended any more.
    /// - Returns: What was told then; `slot_contended` if that is told for ever.
    func insist(
        at desk: Fixture? = nil, _ act: (Fixture) async throws -> Answer
    ) async throws -> String {
        for _ in 1...1000 {
            let told = try await act(desk ?? fixture).told
            guard told == "slot_contended" else { return told }
            // Sooner than `Retry-After` asks.
            try await Task.sleep(for: .milliseconds(Int.random(in: 1...20)))
        }
        return "slot_contended"
    }

    /// Calls `body` with the clinic as another instance sees it.
    func withSecondInstance(_ body: @Sendable (Fixture) async throws -> Void) async throws {
        let database = fixture.service.database
        try await database.withService(patient) { pool in
            try await withService(on: database, pool, environment: .guarded(by: other)) {
                try await body(fixture.moved(to: $0))
            }
        }
    }
}

/// Whoever is kept waiting for a row waits as long as the test does.
private func patient(_ configuration: inout DatabaseConfiguration) {
    configuration.lockTimeout = .seconds(60)
    configuration.statementTimeout = .seconds(60)
    configuration.idleInTransactionTimeout = .seconds(60)
}

private func withGuardedClinic(
    _ settings: Redlock.Settings = .patient, elsewhere: Redlock.Settings? = nil,
    _ body: @Sendable (GuardedClinic) async throws -> Void
) async throws {
    try await withRedis { servers in
        let urls = try servers.map { try RedisURL($0.url) }
        let (redlock, other) = (
            Redlock.quiet(urls, settings), Redlock.quiet(urls, elsewhere ?? settings)
        )
        do {
            for client in [redlock, other] {
                while !client.isWhole { try await Task.sleep(for: .milliseconds(5)) }
            }
            try await withTestDatabase { database in
                try await database.withService(patient) { pool in
                    try await withService(
                        on: database, pool, environment: .guarded(by: redlock)
                    ) { service in
                        try await body(
                            GuardedClinic(
                                fixture: Fixture(service), servers: servers, redlock: redlock,
                                other: other))
                    }
                }
            }
        } catch {
            for client in [redlock, other] { await client.close() }
            throw error
        }
        for client in [redlock, other] { await client.close() }
    }
}

extension Redlock {
    fileprivate static func quiet(_ urls: [RedisURL], _ settings: Settings) -> Redlock {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return Redlock(urls, settings: settings, logger: logger)
    }
}

extension Redlock.Settings {
    /// Locks that nobody sees end by themselves.
    fileprivate static var patient: Redlock.Settings {
        var settings = Redlock.Settings()
        settings.lifetime = .seconds(600)
        // The machine may be busy.
        settings.timeout = .milliseconds(500)
        settings.distrust = .zero
        return settings
    }
}

extension ServiceEnvironment {
    fileprivate static func guarded(by redlock: Redlock) -> ServiceEnvironment {
        var environment = ServiceEnvironment.quiet
        environment.redlock = redlock
        return environment
    }
}
