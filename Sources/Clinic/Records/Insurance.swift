import FoundationEssentials
import Postgres

/// Who pays for a patient's treatment.
package struct Insurance: RecordItem {
    package let id: UUID
    package let clinicID: UUID
    package let patientID: UUID
    package let insurer: String
    package let policyNumber: String
    /// The last day; nil if there is none.
    package let validTo: CalendarDay?
    package let version: Int
    package let createdAt: Date

    package static let table: SQL = "insurances"
    package static let objectType = ObjectType.insurance
    package static let notFound = RecordError.insuranceNotFound
    package static let columns: SQL = """
        item.id,
        item.clinic_id,
        item.patient_id,
        item.insurer,
        item.policy_number,
        item.valid_to,
        item.version,
        item.created_at
        """

    package init(row: inout Row) throws {
        id = try row.next()
        clinicID = try row.next()
        patientID = try row.next()
        insurer = try row.next()
        policyNumber = try row.next()
        validTo = try row.next()
        version = try row.next()
        createdAt = try row.next()
    }

    package var versioned: VersionedObject { .insurance(self) }

    /// An insurance to be made.
    package struct Draft: RecordItemContent {
        package typealias Item = Insurance

        let insurer: String
        let policyNumber: String
        let validTo: CalendarDay?

        /// - Parameter validTo: `YYYY-MM-DD`.
        /// - Throws: ``InvalidInput`` for a day that does not exist.
        package init(
            insurer: String, policyNumber: String, validTo: String?
        ) throws(InvalidInput) {
            self.insurer = insurer
            self.policyNumber = policyNumber
            self.validTo = try CalendarDay.read(validTo, as: "valid_to")
        }

        package static let names: SQL = "insurer, policy_number, valid_to"

        package var values: SQL { "\(insurer), \(policyNumber), \(validTo)" }
    }

    /// What of an insurance is to change; nil for what stays.
    package struct Changes: RecordItemChanges {
        package typealias Item = Insurance

        let insurer: String?
        let policyNumber: String?
        /// The last day, or that there is none.
        let validTo: CalendarDay??

        /// - Parameter validTo: `YYYY-MM-DD`.
        /// - Throws: ``InvalidInput`` for a day that does not exist.
        package init(
            insurer: String?, policyNumber: String?, validTo: String??
        ) throws(InvalidInput) {
            self.insurer = insurer
            self.policyNumber = policyNumber
            self.validTo =
                if let validTo { .some(try CalendarDay.read(validTo, as: "valid_to")) } else { nil }
        }

        package var assignments: SQL {
            """
            \(fragment: .assignment(of: insurer, to: "insurer")),
            \(fragment: .assignment(of: policyNumber, to: "policy_number")),
            \(fragment: .assignment(of: validTo, to: "valid_to"))
            """
        }
    }
}
