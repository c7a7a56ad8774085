import FoundationEssentials
import Postgres

/// A change was refused because it was based on a version that is no longer current.
package struct VersionConflict: Error, Hashable, Sendable {
    /// What the object is now.
    package let current: VersionedObject
    /// Who changed it last, and when.
    package let lastChange: LastChange
}

/// An object that is changed under `If-Match`.
package enum VersionedObject: Hashable, Sendable {
    case clinic(Clinic)
    case practitioner(Practitioner)
}

/// Who made a version of an object, and when.
package struct LastChange: Hashable, Sendable {
    /// The caller's `sub`, or `system:` and what acted by itself.
    package let author: String
    package let at: Date
}

extension LastChange: RowDecodable {
    package init(row: inout Row) throws {
        author = try row.next()
        at = try row.next()
    }
}

extension Pipeline {
    /// Queues the reading of an object's newest journal row.
    func lastChange(
        of objectType: ObjectType, _ objectID: UUID, in clinicID: UUID
    ) -> Pending<LastChange> {
        one(
            LastChange.self,
            """
            SELECT actor, at
            FROM journal
            WHERE clinic_id = \(clinicID)
                AND object_type = \(objectType.rawValue)
                AND object_id = \(objectID)
            ORDER BY version DESC
            LIMIT 1
            """)
    }
}
