import FoundationEssentials
import Postgres

/// A drug that a patient was prescribed.
package struct Prescription: RecordItem {
    package let id: UUID
    package let clinicID: UUID
    package let patientID: UUID
    package let drug: String
    package let dosage: String
    package let issuedOn: CalendarDay
    package let version: Int
    package let createdAt: Date

    package static let table: SQL = "prescriptions"
    package static let objectType = ObjectType.prescription
    package static let notFound = RecordError.prescriptionNotFound
    package static let columns: SQL = """
        item.id,
        item.clinic_id,
        item.patient_id,
        item.drug,
        item.dosage,
        item.issued_on,
        item.version,
        item.created_at
        """

    package init(row: inout Row) throws {
        id = try row.next()
        clinicID = try row.next()
        patientID = try row.next()
        drug = try row.next()
        dosage = try row.next()
        issuedOn = try row.next()
        version = try row.next()
        createdAt = try row.next()
    }

    package var versioned: VersionedObject { .prescription(self) }

    /// A prescription to be made.
    package struct Draft: RecordItemContent {
        package typealias Item = Prescription

        let drug: String
        let dosage: String
        /// Nil for today, in the clinic's zone.
        let issuedOn: CalendarDay?

        /// - Parameter issuedOn: `YYYY-MM-DD`.
        /// - Throws: ``InvalidInput`` for a day that does not exist.
        package init(drug: String, dosage: String, issuedOn: String?) throws(InvalidInput) {
            self.drug = drug
            self.dosage = dosage
            self.issuedOn = try CalendarDay.read(issuedOn, as: "issued_on")
        }

        package static let names: SQL = "drug, dosage, issued_on"

        package var values: SQL {
            """
            \(drug),
            \(dosage),
            coalesce(\(issuedOn), (clock_timestamp() AT TIME ZONE clinics.time_zone)::date)
            """
        }
    }

    /// What of a prescription is to change; nil for what stays.
    package struct Changes: RecordItemChanges {
        package typealias Item = Prescription

        let drug: String?
        let dosage: String?
        let issuedOn: CalendarDay?

        /// - Parameter issuedOn: `YYYY-MM-DD`.
        /// - Throws: ``InvalidInput`` for a day that does not exist.
        package init(drug: String?, dosage: String?, issuedOn: String?) throws(InvalidInput) {
            self.drug = drug
            self.dosage = dosage
            self.issuedOn = try CalendarDay.read(issuedOn, as: "issued_on")
        }

        package var assignments: SQL {
            """
            \(fragment: .assignment(of: drug, to: "drug")),
            \(fragment: .assignment(of: dosage, to: "dosage")),
            \(fragment: .assignment(of: issuedOn, to: "issued_on"))
            """
        }
    }
}
