import FoundationEssentials
import Postgres

/// A patient's seat in a slot.
package struct Appointment: Hashable, Sendable {
    package let id: UUID
    package let clinicID: UUID
    package let slotID: UUID
    package let practitionerID: UUID
    package let patientID: UUID
    package let startsAt: Date
    package let endsAt: Date
    package let status: AppointmentStatus
    package let reason: String?
    package let version: Int
    package let createdAt: Date
}

/// FHIR's appointment status, as far as a clinic's calendar needs it. *Active* is every one but
/// `cancelled`. Source: HL7 FHIR R5, `AppointmentStatus`.
package enum AppointmentStatus: String, CaseIterable, Sendable, PostgresEncodable, PostgresDecodable
{
    case booked
    case arrived
    case fulfilled
    case noshow
    case cancelled
}

extension Appointment: RowDecodable {
    static let columns: SQL = """
        id,
        clinic_id,
        slot_id,
        practitioner_id,
        patient_id,
        starts_at,
        ends_at,
        status,
        reason,
        version,
        created_at
        """

    package init(row: inout Row) throws {
        id = try row.next()
        clinicID = try row.next()
        slotID = try row.next()
        practitionerID = try row.next()
        patientID = try row.next()
        startsAt = try row.next()
        endsAt = try row.next()
        status = try row.next()
        reason = try row.next()
        version = try row.next()
        createdAt = try row.next()
    }

    /// A patient's appointments as a table called `appointments`. Two halves, because each has its
    /// own partial index and neither costs a booking more than the overlap constraint does anyway.
    static func all(ofPatient patientID: UUID, in clinicID: UUID) -> SQL {
        """
        (
            SELECT *
            FROM appointments
            WHERE clinic_id = \(clinicID)
                AND patient_id = \(patientID)
                AND status <> 'cancelled'
            UNION ALL
            SELECT *
            FROM appointments
            WHERE clinic_id = \(clinicID)
                AND patient_id = \(patientID)
                AND status = 'cancelled'
        ) AS appointments
        """
    }
}
