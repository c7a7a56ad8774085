import FoundationEssentials
import Postgres

/// What an offline lock can keep others out of.
package enum LockTargetType: String, CaseIterable, Sendable, PostgresValue {
    /// A patient's record, with everything under that patient.
    case patient

    /// Those of `ids` that exist in a clinic: a query of one column.
    func existing(_ ids: [UUID], in clinicID: UUID) -> SQL {
        switch self {
        case .patient: "SELECT id FROM patients WHERE clinic_id = \(clinicID) AND id = ANY(\(ids))"
        }
    }

    /// What it is that there is none of that id.
    var notFound: any Error {
        switch self {
        case .patient: RecordError.patientNotFound
        }
    }
}

/// One thing that a lock is on.
package struct LockTarget: Hashable, Sendable {
    package let type: LockTargetType
    package let id: UUID

    package init(type: LockTargetType, id: UUID) {
        self.type = type
        self.id = id
    }
}
