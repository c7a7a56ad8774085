import Foundation
import Postgres
import PostgresTesting
import Testing

@testable import Clinic

@Suite("What has served its time goes")
struct HousekeepingTests {
    @Test(
        "markers over an hour old, in steps; two sweepers share the work; younger ones stay, whatever clock made their ids"
    )
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
                // Just made, by an instance whose clock is three days slow.
                let slow = UUID.version7(at: now.addingTimeInterval(-3 * 86_400))
                // Old enough in an hour at the latest, made by one whose clock is an hour fast.
                let fast = UUID.version7(at: now)
                try await db.owner.transaction { tx in
                    try tx.execute(
                        """
                        INSERT INTO markers (clinic_id, id, created_at)
                        SELECT \(clinic.id), unnest(\(ids)), now() - interval '3601 seconds'
                        """)
                    try tx.execute(
                        """
                        INSERT INTO markers (clinic_id, id, created_at)
                        VALUES
                            (\(clinic.id), \(slow), now()),
                            (\(clinic.id), \(fast), now() - interval '3601 seconds'),
                            (
                                \(clinic.id),
                                \(UUID.version7(at: now.addingTimeInterval(-3599))),
                                now() - interval '3590 seconds'
                            )
                        """)
                }
            }
            let store = Store(database: db.service, environment: .test)
            let housekeeping = Housekeeping(store: store, step: 100)
            async let one = housekeeping.sweepMarkers()
            async let other = housekeeping.sweepMarkers()
            #expect(try await one + other == 500)
            #expect(try await markers(in: db).count == young + 6)
            #expect(try await housekeeping.sweepMarkers() == 0)
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
