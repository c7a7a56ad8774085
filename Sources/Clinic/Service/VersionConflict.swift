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
    case appointment(Appointment)
    case registration(Registration)
    case patient(Patient)
    case prescription(Prescription)
    case insurance(Insurance)

    var version: Int {
        switch self {
        case .clinic(let clinic): clinic.version
        case .practitioner(let practitioner): practitioner.version
        case .slot(let slot): slot.version
        case .appointment(let appointment): appointment.version
        case .registration(let registration): registration.version
        case .patient(let patient): patient.version
        case .prescription(let prescription): prescription.version
        case .insurance(let insurance): insurance.version
        }
    }
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
    /// Why an `UPDATE ... WHERE version = $n` touched no row: something forbids the change; or the
    /// object is no longer what its author has seen.
    /// - Parameters:
    ///   - version: What the author has seen; nil where the change brought another precondition.
    ///   - current: The queued reading of the object as it is now.
    ///   - notFound: What it is if there is no such object.
    ///   - obstacle: What forbids the change although the version is right.
    func refusal<Object>(
        of objectType: ObjectType, _ objectID: UUID, in clinicID: UUID, from version: Int?,
        current: Pending<Object?>, as versioned: (Object) -> VersionedObject,
        notFound: any Error, unless obstacle: (Object) throws -> (any Error)? = { _ in nil }
    ) throws -> any Error {
        guard let object = try current.get() else { return notFound }
        let current = versioned(object)
        if version == nil || version == current.version, let obstacle = try obstacle(object) {
            return obstacle
        }
        // Of the version that was read: there may be another one by now.
        let lastChange = try one(
            LastChange.self,
            """
            SELECT actor, at
            FROM journal
            WHERE clinic_id = \(clinicID)
                AND object_type = \(objectType.rawValue)
                AND object_id = \(objectID)
                AND version = \(current.version)
            """)
        return VersionConflict(current: current, lastChange: lastChange)
    }
}
