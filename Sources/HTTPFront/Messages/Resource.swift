import Clinic
import FoundationEssentials

/// Something with an address and a version of its own.
protocol Resource: Representation {
    /// Where it is: an absolute path.
    var path: String { get }
    /// Its version as a strong entity tag.
    var etag: String { get }
}

extension Clinic: Resource {
    var path: String { id.clinicPath }
    var etag: String { version.etag }
}

extension Practitioner: Resource {
    var path: String { "\(clinicID.clinicPath)/practitioners/\(id.text)" }
    var etag: String { version.etag }
}

extension Slot: Resource {
    var path: String { "\(clinicID.clinicPath)/slots/\(id.text)" }

    /// A hold ends without a write, so the version alone would not tell a held slot from a free one.
    var etag: String { heldUntil != nil ? "\"\(version)-held\"" : version.etag }
}

extension Appointment: Resource {
    var path: String { "\(clinicID.clinicPath)/appointments/\(id.text)" }
    var etag: String { version.etag }
}

extension WaitlistEntry: Resource {
    var path: String { "\(clinicID.clinicPath)/waitlist/\(id.text)" }
    var etag: String { version.etag }
}

extension Patient: Resource {
    var path: String { "\(clinicID.clinicPath)/patients/\(id.text)" }
    var etag: String { version.etag }
}

extension PatientRecord: Resource {
    var path: String { patient.path }
    var etag: String { patient.etag }
}

extension Prescription: Resource {
    var path: String {
        "\(clinicID.clinicPath)/patients/\(patientID.text)/prescriptions/\(id.text)"
    }
    var etag: String { version.etag }
}

extension Insurance: Resource {
    var path: String { "\(clinicID.clinicPath)/patients/\(patientID.text)/insurances/\(id.text)" }
    var etag: String { version.etag }
}

extension Registration: Resource {
    var path: String { "\(clinicID.clinicPath)/registrations/\(id.text)" }
    var etag: String { version.etag }
}

extension VersionedObject {
    var etag: String {
        switch self {
        case .clinic(let clinic): clinic.etag
        case .practitioner(let practitioner): practitioner.etag
        case .slot(let slot): slot.etag
        case .appointment(let appointment): appointment.etag
        case .registration(let registration): registration.etag
        case .patient(let patient): patient.etag
        case .prescription(let prescription): prescription.etag
        case .insurance(let insurance): insurance.etag
        }
    }
}

extension Int {
    /// A version as a strong entity tag.
    var etag: String { "\"\(self)\"" }
}

extension UUID {
    /// Where the clinic of this id is.
    var clinicPath: String { "/v1/clinics/\(text)" }
}
