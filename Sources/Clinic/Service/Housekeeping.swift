import FoundationEssentials
import Postgres

/// Removes what has served its time. Several instances may do it at once: each takes what the others
/// leave.
package struct Housekeeping: Sendable {
    let store: Store
    /// Markers older than this, in seconds, by the database's clock, are of changes that were settled long ago.
    let markerLifetime: Int
    /// Rows at the most that one transaction removes, so that none takes long.
    let step: Int

    package init(store: Store, markerLifetime: Int = 3600, step: Int = 1000) {
        self.store = store
        self.markerLifetime = markerLifetime
        self.step = step
    }

    /// Removes the markers that have served their time.
    /// - Returns: How many.
    @discardableResult
    package func sweepMarkers() async throws -> Int {
        // Ids rise with time, so the primary key finds the old ones. But ids are made by the clocks of the
        // instances, one of which may be days off, and a marker that goes too early makes a change in doubt
        // look as if it had never been: what counts is the time that the database gave it.
        let end: SQL = "(statement_timestamp() - make_interval(secs => \(markerLifetime)))"
        let isOld: SQL = """
            markers.id < rpad(
                lpad(to_hex((extract(epoch FROM \(fragment: end)) * 1000)::bigint), 12, '0'), 32, '0'
            )::uuid
            AND markers.created_at <= \(fragment: end)
            """
        return try await inSteps(
            whereThereAre: "SELECT FROM markers WHERE clinic_id = clinics.id AND \(fragment: isOld)"
        ) { [step] clinicID in
            """
            DELETE FROM markers
            WHERE clinic_id = \(clinicID)
                AND id = ANY (ARRAY(
                    SELECT id
                    FROM markers
                    WHERE clinic_id = \(clinicID) AND \(fragment: isOld)
                    ORDER BY id
                    LIMIT \(step)
                    FOR UPDATE SKIP LOCKED
                ))
            """
        }
    }

    /// Removes the answers that are given again no more.
    /// - Returns: How many.
    @discardableResult
    package func sweepIdempotencyKeys() async throws -> Int {
        let isOld: SQL = "created_at <= statement_timestamp() - interval '24 hours'"
        return try await inSteps(
            whereThereAre: """
                SELECT
                FROM idempotency_keys
                WHERE idempotency_keys.clinic_id = clinics.id
                    AND idempotency_keys.\(fragment: isOld)
                """
        ) { [step] clinicID in
            """
            DELETE FROM idempotency_keys
            WHERE clinic_id = \(clinicID)
                AND (subject, key) IN (
                    SELECT subject, key
                    FROM idempotency_keys
                    WHERE clinic_id = \(clinicID) AND \(fragment: isOld)
                    ORDER BY created_at
                    LIMIT \(step)
                    FOR UPDATE SKIP LOCKED
                )
            """
        }
    }

    /// Runs a clinic's `DELETE` until it removes less than a step, for each clinic that has such rows.
    /// - Parameter rows: A query for them, of one of `clinics`.
    /// - Returns: How many rows went.
    private func inSteps(
        whereThereAre rows: SQL, _ delete: @escaping @Sendable (UUID) -> SQL
    ) async throws -> Int {
        var removed = 0
        for clinicID in try await clinics(with: rows) + [.noClinic] {
            var count: Int
            repeat {
                count = try await store.database.transaction { tx in
                    try tx.execute(delete(clinicID))
                }
                removed += count
            } while count == step
        }
        return removed
    }

    private func clinics(with rows: SQL) async throws -> [UUID] {
        try await store.read { tx in
            tx.pipeline.all(
                Scalar<UUID>.self,
                "SELECT id FROM clinics WHERE EXISTS (\(fragment: rows)) ORDER BY id")
        }.map(\.value)
    }
}
