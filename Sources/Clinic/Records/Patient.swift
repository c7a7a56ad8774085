import FoundationEssentials
import Postgres

/// Somebody who can be booked for, known to one clinic.
package struct Patient: Hashable, Sendable {
    package let id: UUID
    package let clinicID: UUID
    package let name: String
    package let email: String?
    package let phone: String?
    package let birthDate: CalendarDay
    package let version: Int
    package let createdAt: Date
}

extension Patient: RowDecodable {
    static let columns: SQL = """
        id,
        clinic_id,
        name,
        email,
        phone,
        birth_date,
        version,
        created_at
        """

    package init(row: inout Row) throws {
        id = try row.next()
        clinicID = try row.next()
        name = try row.next()
        email = try row.next()
        phone = try row.next()
        birthDate = try row.next()
        version = try row.next()
        createdAt = try row.next()
    }
}

/// A patient to be made.
package struct PatientDraft: Hashable, Sendable {
    package let name: String
    package let email: String?
    package let phone: String?
    package let birthDate: CalendarDay

    /// - Parameters:
    ///   - birthDate: `YYYY-MM-DD`.
    ///   - now: Nobody is born later, wherever on Earth it is later already.
    /// - Throws: ``InvalidInput`` for a day that does not exist, lies before 1900 or in the future.
    package init(
        name: String, email: String?, phone: String?, birthDate: String, now: Date
    ) throws(InvalidInput) {
        self.name = name
        self.email = email
        self.phone = phone
        self.birthDate = try Self.birthDate(birthDate, now: now)
    }

    /// Reads a day on which somebody may have been born; see `init`.
    package static func birthDate(
        _ text: String, now: Date
    ) throws(InvalidInput) -> CalendarDay {
        let tomorrow = now.addingTimeInterval(86_400).formatted(.iso8601.year().month().day())
        guard let day = CalendarDay(text), ("1900-01-01"..."\(tomorrow)").contains(text) else {
            throw InvalidInput(
                "birth_date", "must be a day from 1900-01-01 until today, such as 1968-02-29")
        }
        return day
    }
}

/// A patient with everything that the record holds, as of one moment.
package struct PatientRecord: Hashable, Sendable {
    package let patient: Patient
    package let prescriptions: [Prescription]
    package let insurances: [Insurance]
    package let appointments: [Appointment]

    package init(
        patient: Patient, prescriptions: [Prescription] = [], insurances: [Insurance] = [],
        appointments: [Appointment] = []
    ) {
        self.patient = patient
        self.prescriptions = prescriptions
        self.insurances = insurances
        self.appointments = appointments
    }
}
