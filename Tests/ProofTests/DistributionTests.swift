import Clinic
import Foundation
import HTTPFront
import Postgres
import PostgresTesting
import Proof
import ServiceTesting
import Testing

/// What a distribution by clinic over several servers asks for: everything that is one clinic's is found by that
/// clinic, and no transaction is two clinics'.
@Suite("Everything is one clinic's", .timeLimit(.minutes(30)))
struct DistributionTests {
    /// Statements that look at all clinics, by what they contain: reads, and what they find is done clinic by
    /// clinic. `verify` does so in one snapshot.
    private static let acrossClinics = ["FROM clinics WHERE EXISTS", "SELECT id FROM clinics"]

    /// Statements that name their clinic once, and find a second table by the clinic of the first or of a list.
    /// One PostgreSQL does not mind; see docs/scaling.md.
    private static let throughAnother = [
        "AS existing_patient_id", "target.clinic_id = offline_locks.clinic_id", ") AS asked",
        "appointments.clinic_id = waitlist.clinic_id", "UPDATE slots SET starts_at",
    ]

    @Test("every key, exclusion and reference has the clinic in it")
    func schema() async throws {
        let wrong = try await withTestDatabase { database in
            try await database.owner.read { tx in
                tx.pipeline.all(
                    Scalar<String>.self,
                    """
                    WITH owned AS (
                        SELECT pg_class.oid, relname
                        FROM pg_class
                        WHERE relkind = 'r'
                            AND relnamespace = 'public'::regnamespace
                            AND relname NOT IN ('schema_migrations', 'schema_checksums')
                    ),
                    clinic AS (
                        SELECT owned.oid, attnum
                        FROM owned
                        JOIN pg_attribute ON attrelid = owned.oid
                        WHERE attname = CASE relname WHEN 'clinics' THEN 'id' ELSE 'clinic_id' END
                            AND attnotnull
                    )
                    SELECT relname || ' has no clinic'
                    FROM owned
                    WHERE oid NOT IN (SELECT oid FROM clinic)
                    UNION ALL
                    SELECT indexrelid::regclass || ' is unique without the clinic'
                    FROM pg_index
                    JOIN clinic ON oid = indrelid
                    WHERE (indisunique OR indisexclusion)
                        AND NOT attnum = ANY(indkey::smallint[])
                    UNION ALL
                    SELECT conname || ' refers past the clinic'
                    FROM pg_constraint
                    JOIN clinic ON clinic.oid = conrelid
                    JOIN clinic AS other ON other.oid = confrelid
                    WHERE contype = 'f'
                        AND array_position(conkey, clinic.attnum)
                            IS DISTINCT FROM array_position(confkey, other.attnum)
                    """)
            }.map(\.value)
        }
        #expect(wrong == [])
    }

    @Test("every statement names one clinic, and those of a transaction the same")
    func statements() async throws {
        let options = [
            "fsync=off", "session_preload_libraries=auto_explain",
            "auto_explain.log_min_duration=0", "auto_explain.log_format=json",
            "log_line_prefix=%a|%v|",
        ]
        let entries = try await withPrivateServer(options) { server in
            try await server.database.withService({
                $0.applicationName = "surveyed"
                // So that most plans name the clinic that they are for.
                $0.plansOnce = false
            }) { pool in
                try await withService(on: server.database, pool) {
                    try await Self.useEverything($0)
                }
            }
            return try PlanLog(of: server, application: "surveyed").entries
        }
        #expect(entries.count > 500)
        let tables: Set<String> = Set(entries.flatMap { $0.scans.map(\.table) })
        #expect(tables.isSuperset(of: ["slots", "appointments", "waitlist", "outbox", "markers"]))

        let loose = entries.filter { entry in entry.scans.contains { !$0.isOneClinics } }
            .map(\.statement)
        for statement in Set(loose) {
            let isKnown = (Self.acrossClinics + Self.throughAnother).contains {
                statement.contains($0)
            }
            #expect(isKnown, "\(statement)")
        }
        for mark in Self.acrossClinics + Self.throughAnother {
            #expect(loose.contains { $0.contains(mark) }, "no statement says \(mark) any more")
        }
        for entries in Dictionary(grouping: entries, by: \.transaction).values {
            let isAcross = entries.contains { entry in
                Self.acrossClinics.contains { entry.statement.contains($0) }
            }
            let clinics = Set(entries.flatMap { $0.scans.compactMap(\.clinic) })
            #expect(isAcross || clinics.count <= 1, "\(clinics): \(entries.map(\.statement))")
        }
    }

    @Test("deploy/citus.sql distributes every table that has a clinic")
    func citus() async throws {
        let tables = try await withTestDatabase { database in
            try await database.owner.read { tx in
                tx.pipeline.all(
                    Scalar<String>.self,
                    """
                    SELECT table_name::text
                    FROM information_schema.columns
                    WHERE table_schema = 'public' AND column_name = 'clinic_id'
                    UNION
                    SELECT 'clinics'
                    """)
            }.map(\.value)
        }
        let script = try String(
            contentsOfFile: TestServer.project("deploy/citus.sql"), encoding: .utf8)
        for table in tables { #expect(script.contains("'public.\(table)'"), "\(table)") }
    }

    /// Sends every request, and does what an instance does by itself.
    private static func useEverything(_ service: Service) async throws {
        let fixture = try await Fixture(service)
        for request in WireRequest.all {
            let answer = try await request.send(in: fixture)
            #expect((200..<300).contains(answer.status), "\(request): \(answer.told)")
        }
        let patient = try await fixture.patients(1)[0]
        let slot = try await fixture.slots(1)[0]
        let appointment = try await fixture.booked(slot, for: patient)
        let registration = try await fixture.registration("dora@example.org")
        let wish = try await fixture.waiting(patient.id)
        let practitioner = fixture.practitioner.id.text
        for path in [
            "practitioners", "practitioners/\(practitioner)", "slots", "slots?status=free",
            "slots?practitioner_id=\(practitioner)", "slots/\(slot.id.text)",
            "practitioners/\(practitioner)/calendar.ics", "time-off", "appointments",
            "appointments?patient_id=\(patient.id.text)", "appointments/\(appointment)",
            "appointments/\(appointment).ics", "waitlist", "waitlist/\(wish.id.text)",
            "patients", "patients?query=p", "patients/\(patient.id.text)",
            "locks?type=patient&id=\(patient.id.text)", "registrations",
            "registrations/\(registration.id.text)", "messages",
            "audit?object_type=slot&object_id=\(slot.id.text)",
        ] {
            let answer = try await fixture.send("GET", path, as: fixture.admin)
            #expect(answer.status == 200, "\(path): \(answer.told)")
        }
        let store = service.store
        _ = try await OfflineLockService(store: store).sweep()
        _ = try await WaitlistService(store: store).offerExpiredHolds()
        _ = try await Housekeeping(store: store).sweepMarkers()
        _ = try await Housekeeping(store: store).sweepIdempotencyKeys()
        _ = try await MailRoom(service, url: "smtp://127.0.0.1:1").courier().deliverDue()
        _ = try await Verification(store: store).run()
    }
}
