import Foundation
import Postgres
import PostgresTesting
import Testing

@testable import Clinic

@Suite("What has served its time goes")
struct HousekeepingTests {
    @Test("markers over an hour old, in steps; two sweepers share the work; younger ones stay")
    func markers() async throws {
        try await withTestDatabase { db in
            let clinics = [try await TestClinic(db), try await TestClinic(db)]
            let now = Date()
            // Each clinic has markers of its own making already, from just now.
            let young = try await markers(in: db).count
            for clinic in clinics {
                let ids = (0..<250).map { number in
                    UUID.version7(at: now.addingTimeInterval(-3601 - Double(number)))
                }
                let borderline = UUID.version7(at: now.addingTimeInterval(-3599))
                try await db.owner.transaction { tx in
                    try tx.execute(
                        """
                        INSERT INTO markers (clinic_id, id)
                        SELECT \(clinic.id), unnest(\(ids + [borderline]))
                        """)
                }
            }
            let store = Store(database: db.service, environment: .test)
            let housekeeping = Housekeeping(store: store, step: 100)
            async let one = housekeeping.sweepMarkers(now: now)
            async let other = housekeeping.sweepMarkers(now: now)
            #expect(try await one + other == 500)
            #expect(try await markers(in: db).count == young + 2)
            #expect(try await housekeeping.sweepMarkers(now: now) == 0)
        }
    }

    @Test("answers stored for an Idempotency-Key go after 24 hours, in steps; younger ones stay")
    func idempotencyKeys() async throws {
        try await withTestDatabase { db in
            let clinic = try await TestClinic(db)
            try await db.owner.transaction { tx in
                try tx.execute(
                    """
                    INSERT INTO idempotency_keys (
                        clinic_id, subject, key, fingerprint, status, body, created_at
                    )
                    SELECT
                        \(clinic.id),
                        'ada',
                        number::text,
                        '',
                        204,
                        '',
                        now() - number * interval '1 hour' + interval '1 minute'
                    FROM generate_series(1, 250) AS number
                    """)
            }
            let store = Store(database: db.service, environment: .test)
            let housekeeping = Housekeeping(store: store, step: 100)
            #expect(try await housekeeping.sweepIdempotencyKeys() == 226)
            #expect(try await housekeeping.sweepIdempotencyKeys() == 0)
        }
    }

    private func markers(in db: TestDatabase) async throws -> [UUID] {
        try await db.owner.read { tx in
            tx.pipeline.all(Scalar<UUID>.self, "SELECT id FROM markers")
        }.map(\.value)
    }
}
