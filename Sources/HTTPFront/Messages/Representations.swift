import Clinic

// What the resources look like from outside: the members of API.md, under their names.

extension Clinic: Representation {
    func write(to members: inout MemberWriter) {
        members.write("id", id)
        members.write("name", name)
        members.write("time_zone", timeZone)
        members.write("version", version)
        members.write("created_at", createdAt)
    }
}

extension Practitioner: Representation {
    func write(to members: inout MemberWriter) {
        members.write("id", id)
        members.write("clinic_id", clinicID)
        members.write("name", name)
        members.write("specialty", specialty)
        members.write("version", version)
        members.write("created_at", createdAt)
    }
}

extension VersionConflict {
    /// The members of the problem that a conflict is.
    func write(to members: inout MemberWriter) {
        switch current {
        case .clinic(let clinic): members.write("current", clinic)
        case .practitioner(let practitioner): members.write("current", practitioner)
        case .slot(let slot): members.write("current", slot)
        case .appointment(let appointment): members.write("current", appointment)
        case .registration(let registration): members.write("current", registration)
        case .patient(let patient): members.write("current", patient)
        case .prescription(let prescription): members.write("current", prescription)
        case .insurance(let insurance): members.write("current", insurance)
        }
        members.write("changed_by", lastChange.author)
        members.write("changed_at", lastChange.at)
    }
}

extension Slot: Representation {
    func write(to members: inout MemberWriter) {
        members.write("id", id)
        members.write("clinic_id", clinicID)
        members.write("practitioner_id", practitionerID)
        members.write("starts_at", startsAt)
        members.write("ends_at", endsAt)
        members.write("capacity", capacity)
        members.write("booked", booked)
        members.write("status", status.rawValue)
        members.write("version", version)
    }
}

extension Appointment: Representation {
    func write(to members: inout MemberWriter) {
        members.write("id", id)
        members.write("clinic_id", clinicID)
        members.write("slot_id", slotID)
        members.write("practitioner_id", practitionerID)
        members.write("patient_id", patientID)
        members.write("starts_at", startsAt)
        members.write("ends_at", endsAt)
        members.write("status", status.rawValue)
        members.write("reason", reason)
        members.write("version", version)
        members.write("created_at", createdAt)
    }
}

extension SlotsMade: Representation {
    func write(to members: inout MemberWriter) {
        members.write("created", created)
        members.write("skipped", skipped)
    }
}

extension TimeOff: Representation {
    func write(to members: inout MemberWriter) {
        members.write("id", id)
        members.write("clinic_id", clinicID)
        members.write("practitioner_id", practitionerID)
        members.write("starts_at", startsAt)
        members.write("ends_at", endsAt)
        members.write("reason", reason)
        members.write("created_at", createdAt)
    }
}

extension TimeOff.Arranged: Representation {
    func write(to members: inout MemberWriter) {
        members.write("id", id)
        members.write("blocked", blocked)
        members.write("booked", booked)
    }
}

extension SlotHold: Representation {
    func write(to members: inout MemberWriter) {
        members.write("slot_id", slotID)
        members.write("patient_id", patientID)
        members.write("expires_at", expiresAt)
    }
}

extension WaitlistEntry: Representation {
    func write(to members: inout MemberWriter) {
        members.write("id", id)
        members.write("clinic_id", clinicID)
        members.write("patient_id", patientID)
        members.write("practitioner_id", practitionerID)
        members.write("from", from)
        members.write("to", to)
        members.write("status", status.rawValue)
        members.write("appointment_id", appointmentID)
        members.write("version", version)
        members.write("created_at", createdAt)
    }
}

extension Patient: Representation {
    func write(to members: inout MemberWriter) {
        members.write("id", id)
        members.write("clinic_id", clinicID)
        members.write("name", name)
        members.write("email", email)
        members.write("phone", phone)
        members.write("birth_date", "\(birthDate)")
        members.write("version", version)
        members.write("created_at", createdAt)
    }
}

extension Registration: Representation {
    func write(to members: inout MemberWriter) {
        members.write("id", id)
        members.write("clinic_id", clinicID)
        members.write("name", name)
        members.write("email", email)
        members.write("phone", phone)
        members.write("birth_date", "\(birthDate)")
        members.write("status", status.rawValue)
        members.write("assigned_to", assignedTo)
        members.write("comments", comments)
        members.write("decided_by", decidedBy)
        members.write("decided_at", decidedAt)
        members.write("reason", reason)
        members.write("existing_patient_id", existingPatientID)
        members.write("version", version)
        members.write("created_at", createdAt)
    }
}

extension Registration {
    /// The members of the problem that somebody else's review or decision is.
    func writeReview(to members: inout MemberWriter) {
        members.write("assigned_to", assignedTo)
        members.write("decided_by", decidedBy)
        members.write("decided_at", decidedAt)
        members.write("current", self)
    }
}

extension Approval: Representation {
    func write(to members: inout MemberWriter) {
        members.write("registration", registration)
        members.write("patient", patient)
    }
}

extension PatientRecord: Representation {
    func write(to members: inout MemberWriter) {
        patient.write(to: &members)
        members.write("prescriptions", prescriptions)
        members.write("insurances", insurances)
        members.write("appointments", appointments)
    }
}

extension Prescription: Representation {
    func write(to members: inout MemberWriter) {
        members.write("id", id)
        members.write("clinic_id", clinicID)
        members.write("patient_id", patientID)
        members.write("drug", drug)
        members.write("dosage", dosage)
        members.write("issued_on", "\(issuedOn)")
        members.write("version", version)
        members.write("created_at", createdAt)
    }
}

extension Insurance: Representation {
    func write(to members: inout MemberWriter) {
        members.write("id", id)
        members.write("clinic_id", clinicID)
        members.write("patient_id", patientID)
        members.write("insurer", insurer)
        members.write("policy_number", policyNumber)
        members.write("valid_to", validTo.map { "\($0)" })
        members.write("version", version)
        members.write("created_at", createdAt)
    }
}

extension OfflineLock: Representation {
    func write(to members: inout MemberWriter) {
        members.write("token", token)
        members.write("fencing_token", fencingToken)
        members.write("targets", targets)
        members.write("holder", holder)
        members.write("reason", reason)
        members.write("depth", depth)
        members.write("expires_at", expiresAt)
    }
}

extension LockTarget: Representation {
    func write(to members: inout MemberWriter) {
        members.write("type", type.rawValue)
        members.write("id", id)
    }
}

extension Message: Representation {
    func write(to members: inout MemberWriter) {
        members.write("id", id)
        members.write("kind", kind)
        members.write("subject", subject)
        members.write("recipient", recipient)
        members.write("status", status.rawValue)
        members.write("attempts", attempts)
        members.write("last_error", lastError)
        members.write("created_at", createdAt)
        members.write("sent_at", sentAt)
    }
}

extension AuditEntry: Representation {
    func write(to members: inout MemberWriter) {
        members.write("id", id)
        members.write("at", at)
        members.write("actor", actor)
        members.write("action", action)
        members.write("object_type", objectType)
        members.write("object_id", objectID)
        members.write("version", version)
        members.write("request_id", requestID)
        members.write("detail", json: detail)
    }
}
