import Clinic
import Foundation
import Postgres
import PostgresTesting

/// A row of the journal, as far as it matters.
struct JournalRow: RowDecodable, Sendable {
    let type: String
    let object: UUID
    let version: Int
    let action: String
    let request: String?
    let appointment: UUID?
    let patient: UUID?
    let slot: UUID?
    let until: Date?
    let isBlocked: Bool?

    init(row: inout Row) throws {
        type = try row.next()
        object = try row.next()
        version = try row.next()
        action = try row.next()
        request = try row.next()
        appointment = try row.next()
        patient = try row.next()
        slot = try row.next()
        until = try row.next()
        isBlocked = try row.next()
    }

    /// Which attempt it belongs to; nil for what the service did by itself.
    var attempt: Int? {
        request.flatMap { $0.hasPrefix("fault-") ? Int($0.dropFirst(6)) : nil }
    }

    /// All of a clinic's, object by object, each by version.
    static func all(of clinic: UUID, in database: Database) async throws -> [JournalRow] {
        var rows: [JournalRow] = []
        while true {
            let (type, object, version) =
                rows.last.map { ($0.type, $0.object, $0.version) } ?? ("", UUID.least, 0)
            let page = try await database.read { tx in
                tx.pipeline.all(
                    JournalRow.self,
                    """
                    SELECT
                        object_type,
                        object_id,
                        version,
                        action,
                        request_id,
                        (detail ->> 'appointment_id')::uuid,
                        (detail ->> 'patient_id')::uuid,
                        (detail ->> 'slot_id')::uuid,
                        (detail ->> 'until')::timestamptz,
                        (detail ->> 'blocked')::boolean
                    FROM journal
                    WHERE clinic_id = \(clinic)
                        AND (object_type, object_id, version) > (\(type), \(object), \(version))
                    ORDER BY object_type, object_id, version
                    LIMIT 20000
                    """)
            }
            rows += page
            if page.count < 20_000 { return rows }
        }
    }
}
