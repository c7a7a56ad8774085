import FoundationEssentials
import Postgres

/// Somebody's request to become a patient of a clinic.
package struct Registration: Hashable, Sendable {
    package let id: UUID
    package let clinicID: UUID
    package let name: String
    package let email: String
    package let phone: String?
    package let birthDate: CalendarDay
    package let status: RegistrationStatus
    /// The administrator who reviews it, or did.
    package let assignedTo: String?
    package let comments: String?
    package let decidedBy: String?
    package let decidedAt: Date?
    /// Why it was rejected.
    package let reason: String?
    /// The patient that an approval made, or found under the same e-mail address.
    package let patientID: UUID?
    /// The patient who has that e-mail address already.
    package let existingPatientID: UUID?
    package let version: Int
    package let createdAt: Date
}

/// What has become of a registration.
package enum RegistrationStatus: String, CaseIterable, Sendable, PostgresEncodable,
    PostgresDecodable
{
    case pending
    /// An administrator has picked it.
    case inReview = "in_review"
    case approved
    case rejected

    /// Whether nobody may decide it any more.
    package var isDecided: Bool { self == .approved || self == .rejected }
}

extension Registration: RowDecodable {
    /// Of a table called `registrations`.
    static func columns(in clinicID: UUID) -> SQL {
        """
        registrations.id,
        registrations.clinic_id,
        registrations.name,
        registrations.email,
        registrations.phone,
        registrations.birth_date,
        registrations.status,
        registrations.assigned_to,
        registrations.comments,
        registrations.decided_by,
        registrations.decided_at,
        registrations.reason,
        registrations.patient_id,
        (
            SELECT patients.id
            FROM patients
            WHERE patients.clinic_id = \(clinicID)
                AND lower(patients.email) = lower(registrations.email)
        ) AS existing_patient_id,
        registrations.version,
        registrations.created_at
        """
    }

    package init(row: inout Row) throws {
        id = try row.next()
        clinicID = try row.next()
        name = try row.next()
        email = try row.next()
        phone = try row.next()
        birthDate = try row.next()
        status = try row.next()
        assignedTo = try row.next()
        comments = try row.next()
        decidedBy = try row.next()
        decidedAt = try row.next()
        reason = try row.next()
        patientID = try row.next()
        existingPatientID = try row.next()
        version = try row.next()
        createdAt = try row.next()
    }
}

/// Why something was not done to a registration whose version was current.
package enum RegistrationError: Error, Hashable, Sendable {
    case registrationNotFound
    /// That e-mail address has an undecided registration.
    case alreadyRegistered
    /// Another administrator reviews it.
    case alreadyClaimed(Registration)
    /// It was decided before.
    case alreadyDecided(Registration)
    /// Nobody reviews it, so nobody can let go of it.
    case notClaimed
}
