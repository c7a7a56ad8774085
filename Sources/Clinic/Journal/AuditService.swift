import FoundationEssentials
import Postgres

/// Reads the journal: what was done to which object of a clinic, when and by whom.
package struct AuditService: Sendable {
    let store: Store

    package init(store: Store) { self.store = store }

    /// A clinic's journal, oldest row first.
    ///
    /// Pages are not one snapshot: a row whose transaction takes longer than others to commit may
    /// appear before the place that a reader has reached.
    /// - Parameters:
    ///   - objectType: Only of objects of this type.
    ///   - objectID: Only of this object.
    /// - Throws: `clinicNotFound`.
    package func entries(
        in clinicID: UUID, of objectType: ObjectType?, _ objectID: UUID?, _ page: PageRequest
    ) async throws -> Page<AuditEntry> {
        let objectTypes = objectType.map { [$0] } ?? ObjectType.allCases
        let objectCondition: SQL = objectID.map { "AND object_id = \($0)" } ?? .nothing
        return try await store.page(page, in: clinicID, by: { Keyset(time: $0.at, id: $0.id) }) {
            pipeline in
            pipeline.all(
                AuditEntry.self,
                """
                SELECT \(fragment: AuditEntry.columns)
                FROM journal
                WHERE clinic_id = \(clinicID)
                    AND object_type = ANY(\(objectTypes.map(\.rawValue)))
                    \(fragment: objectCondition)
                    AND (at, id) > (\(page.start.time), \(page.start.id))
                ORDER BY at, id
                LIMIT \(page.rowsToRead)
                """)
        }
    }
}

/// A row of the journal.
package struct AuditEntry: Hashable, Sendable {
    package let id: UUID
    package let at: Date
    package let actor: String
    package let action: String
    package let objectType: String
    package let objectID: UUID
    /// What the change made the object's version.
    package let version: Int
    package let requestID: String
    /// What the change was: a JSON object.
    package let detail: String

    static let columns: SQL = """
        id,
        at,
        actor,
        action,
        object_type,
        object_id,
        version,
        request_id,
        detail::text
        """
}

extension AuditEntry: RowDecodable {
    package init(row: inout Row) throws {
        id = try row.next()
        at = try row.next()
        actor = try row.next()
        action = try row.next()
        objectType = try row.next()
        objectID = try row.next()
        version = try row.next()
        requestID = try row.next()
        detail = try row.next()
    }
}
