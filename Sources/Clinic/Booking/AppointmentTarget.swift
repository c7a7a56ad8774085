import FoundationEssentials
import Postgres

/// An appointment that is to be changed, by whom, and on what condition.
package struct AppointmentTarget: Hashable, Sendable {
    package let id: UUID
    package let clinicID: UUID
    /// Whose it must be, for a patient who changes its own; nil for staff.
    package let patientID: UUID?
    /// What the author has seen of it; nil to change it whatever it is.
    package let version: Int?
    /// The lock on the patient's record under which it is done; nil if it needs none.
    package let lock: UUID?
    package let author: Author

    package init(
        _ id: UUID, in clinicID: UUID, of patientID: UUID? = nil, version: Int? = nil,
        under lock: UUID? = nil, by author: Author
    ) {
        self.id = id
        self.clinicID = clinicID
        self.patientID = patientID
        self.version = version
        self.lock = lock
        self.author = author
    }

    /// Whose it is: an expression.
    var patient: SQL {
        "(SELECT patient_id FROM appointments WHERE clinic_id = \(clinicID) AND id = \(id))"
    }

    /// Whether the patient itself acts, who has no say any more once it has begun.
    var isPatients: Bool { patientID != nil }
}

/// Why an appointment was not changed.
package enum AppointmentError: Error, Hashable, Sendable {
    case appointmentNotFound
    /// It is cancelled.
    case notActive
    /// It has begun, and a patient cannot undo that.
    case inPast
    /// What it is does not become what was asked for.
    case badTransition(AppointmentStatus)
}
