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
    case slot(Slot)
    case registration(Registration)
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

extension Transaction {
    /// Why an `UPDATE ... WHERE version = $n` touched no row.
    /// - Parameters:
    ///   - current: The queued reading of the object as it is now.
    ///   - notFound: What it is if there is no such object.
    func refusal<Object>(
        of objectType: ObjectType, _ objectID: UUID, in clinicID: UUID,
        current: Pending<Object?>, as versioned: (Object) -> VersionedObject,
        notFound: any Error
    ) throws -> any Error {
        let lastChange = pipeline.optional(
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
        guard let object = try current.get(), let lastChange = try lastChange.get() else {
            return notFound
        }
        return VersionConflict(current: versioned(object), lastChange: lastChange)
    }
}
