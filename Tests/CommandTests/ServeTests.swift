import Clinic
import Foundation
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting
import Testing

@Suite("holdfast serve starts and stops well", .timeLimit(.minutes(30)))
struct ServeTests {
    @Test("SIGTERM: readyz says no, what is in flight is finished, connections close, exit 0")
    func stops() async throws {
        try await withTestDatabase { db in
            let clinic = try await Bookable(db)
            let ended = try await withServe(
                ["--drain-delay", "3s"], on: db,
                environment: ["DATABASE_URL": db.url, "HOLDFAST_JWT_SECRET": Service.secret]
            ) { service, terminate in
                #expect(try await service.send("GET", "/readyz").status == 200)
                try await holding(
                    "SELECT FROM slots WHERE id = \(clinic.slot) FOR UPDATE", in: db
                ) { hold in
                    async let booking = clinic.book(through: service)
                    try await Sessions(of: db).wait(until: .blocked)
                    try terminate()
                    var answer = try await service.send("GET", "/readyz")
                    while answer.status != 503 { answer = try await service.send("GET", "/readyz") }
                    #expect(answer.problemCode == "not_ready")
                    // Still served: a load balancer needs a moment to notice.
                    #expect(try await service.send("GET", "/v1/clinics").status == 200)
                    hold.release()
                    #expect(try await booking.status == 201)
                }
            }
            #expect(ended.exitCode == 0, "\(ended.errors)")
            await db.service.close()
            // What is left is the owner's, which asks.
            try await Sessions(of: db).wait(untilAtMost: 3, .open)
        }
    }

    @Test("a database that is behind: not ready, and it says which migrations are missing")
    func behind() async throws {
        try await withTestDatabase { db in
            try await db.owner.transaction { tx in
                try tx.execute("DELETE FROM schema_migrations WHERE version = '0005'")
            }
            let ended = try await withServe(
                ["--drain-delay", "0s"], on: db,
                environment: ["DATABASE_URL": db.url, "HOLDFAST_JWT_SECRET": Service.secret]
            ) { service, terminate in
                let answer = try await service.send("GET", "/readyz")
                #expect(answer.status == 503)
                #expect(
                    try answer.json["missing"]?.list?.compactMap(\.text)
                        == ["migration 0005_journal_by_time.sql"])
                try terminate()
            }
            #expect(ended.exitCode == 0, "\(ended.errors)")
        }
    }

    @Test("neither the log nor an error names a password of the database's URL")
    func secrets() async throws {
        try await withTestDatabase { db in
            let ended = try await withServe(
                ["--drain-delay", "0s", "--log-level", "trace"], on: db,
                environment: [
                    "DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/x",
                    "HOLDFAST_JWT_SECRET": Service.secret,
                ]
            ) { service, terminate in
                let answer = try await service.send("GET", "/readyz")
                #expect(try answer.json["missing"]?.list?.compactMap(\.text) == ["database"])
                let unavailable = try await service.send("GET", "/v1/clinics")
                #expect(unavailable.problemCode == "database_unreachable")
                #expect(unavailable.headers["retry-after"] == "1")
                try terminate()
            }
            #expect(ended.exitCode == 0)
            #expect(ended.errors.contains("not ready yet"))
            #expect(!ended.errors.contains("hunter2") && !ended.errors.contains(Service.secret))
        }
    }

    @Test(
        "settings that cannot be used are named, with their flag and their variable",
        arguments: [
            (["serve", "--port", "99999"], [:], "--port (HOLDFAST_PORT)"),
            (["serve"], ["HOLDFAST_POOL_SIZE": "none"], "--pool-size (HOLDFAST_POOL_SIZE)"),
            (["serve"], ["HOLDFAST_JWT_SECRET": "short"], "HOLDFAST_JWT_SECRET is shorter"),
            (["serve"], ["HOLDFAST_JWT_SECRET": ""], "No key for tokens"),
            (["serve"], ["HOLDFAST_LOG_LEVEL": "loud"], "--log-level (HOLDFAST_LOG_LEVEL)"),
            (
                ["serve"], ["HOLDFAST_REDIS_URLS": "redis://a, redis://:hunter2@b/clinic"],
                "HOLDFAST_REDIS_URLS, number 2: its path"
            ),
            (
                ["serve"], ["HOLDFAST_REDIS_URLS": "redis://a,redis://:hunter2@a"],
                "HOLDFAST_REDIS_URLS names one server twice"
            ),
            // A variable that is set to nothing is not set.
            (
                ["serve", "--host", "192.0.2.1"], ["HOLDFAST_REDIS_URLS": ""],
                "--host (HOLDFAST_HOST)"
            ),
            (["serve", "--migrations", "/nowhere"], [:], "/nowhere"),
            (["serve", "--host", "192.0.2.1"], [:], "--host (HOLDFAST_HOST)"),
            (
                ["serve", "--development", "--host", "0.0.0.0"], ["HOLDFAST_JWT_SECRET": ""],
                "--development is for this machine only"
            ),
        ] as [([String], [String: String], String)])
    func settings(
        arguments: [String], environment: [String: String], complaint: String
    ) async throws {
        let ended = try await holdfast(
            arguments,
            environment: ["HOLDFAST_JWT_SECRET": Service.secret].merging(environment) { $1 })
        #expect(ended.exitCode == 1)
        #expect(ended.errors.contains(complaint), "\(ended.errors)")
        #expect(!ended.errors.contains(Service.secret) && !ended.errors.contains("hunter2"))
    }
}

/// A slot and a patient who wants it.
private struct Bookable: Sendable {
    let slot: UUID
    private let clinic: UUID
    private let patient: UUID

    init(_ db: TestDatabase) async throws {
        let store = Store(database: db.service, environment: .quiet)
        let calendar = CalendarService(store: store)
        let author = Author(subject: "test", requestID: "test")
        clinic = try await calendar.createClinic(
            name: "Lindenhof", timeZone: "Europe/Berlin", by: author
        ).id
        let practitioner = try await calendar.createPractitioner(
            name: "Dr. Ada Abel", specialty: "dermatology", in: clinic, by: author)
        let start = Date(timeIntervalSinceNow: 86_400)
        slot = try await calendar.createSlots(
            [
                SlotDraft(
                    practitionerID: practitioner.id, startsAt: start,
                    endsAt: start.addingTimeInterval(900))
            ], in: clinic, by: author)[0].id
        patient = try await PatientService(store: store).createPatients(
            [
                PatientDraft(
                    name: "Ann", email: nil, phone: nil, birthDate: "1968-02-29", now: Date())
            ], in: clinic, by: author)[0].id
    }

    func book(through service: Service) async throws -> Answer {
        try await service.send(
            "POST", "/v1/clinics/\(clinic.text)/appointments",
            token: try await service.token(.patient, clinic: clinic, patient: patient),
            body: #"{"slot_id": "\#(slot.text)"}"#)
    }
}
