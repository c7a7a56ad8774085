import FoundationEssentials
import Postgres

/// A registration that was approved, and the patient that it became.
package struct Approval: Hashable, Sendable {
    package let registration: Registration
    package let patient: Patient
}

extension AdminService {
    /// Approves a registration: makes the patient, or links the one of that e-mail address, and queues
    /// the message.
    ///
    /// The patient comes first, because an approved registration names it. Of two approvals the second
    /// waits for the first one's patient, then finds that the version has changed, and all that it
    /// did is rolled back.
    /// - Throws: ``VersionConflict``; `registrationNotFound`, `alreadyClaimed`, `alreadyDecided`.
    package func approve(
        _ target: RegistrationTarget, once: Once<Approval>? = nil
    ) async throws -> Approval {
        let patientID = store.newID()
        let patientEntryID = store.newID()
        let messageID = store.newID()
        return try await change(
            target, action: "registration.approved", once: once, unless: target.obstacle
        ) { tx in
            let patientsMade = tx.pipeline.makePatient(patientID, of: target)
            let approved = try tx.optional(
                Registration.self,
                """
                UPDATE registrations
                SET status = 'approved',
                    decided_by = \(target.author.subject),
                    decided_at = statement_timestamp(),
                    patient_id = patients.id,
                    version = registrations.version + 1
                FROM patients
                WHERE \(fragment: target.condition)
                    AND \(fragment: target.isFree)
                    AND patients.clinic_id = \(target.clinicID)
                    AND lower(patients.email) = lower(registrations.email)
                RETURNING \(fragment: Registration.columns(in: target.clinicID))
                """)
            if try approved != nil && patientsMade.get() == 1 {
                tx.pipeline.record(
                    JournalEntry(
                        id: patientEntryID, clinicID: target.clinicID, objectType: .patient,
                        objectID: patientID, version: 1, action: "patient.created",
                        author: target.author))
            }
            return approved
        } then: { approved, tx in
            tx.pipeline.queueMessage(
                OutboxEntry(telling: approved, .registrationApproved, id: messageID))
            @Sendable func approval(_ tx: Transaction) -> Pending<Approval> {
                tx.pipeline.patient(of: approved).map {
                    Approval(registration: approved, patient: $0)
                }
            }
            return .pending(approval(tx), recall: approval)
        }
    }

    /// Rejects a registration and queues the message.
    /// - Throws: ``VersionConflict``; `registrationNotFound`, `alreadyClaimed`, `alreadyDecided`.
    package func reject(
        _ target: RegistrationTarget, reason: String, once: Once<Registration>? = nil
    ) async throws -> Registration {
        let messageID = store.newID()
        return try await change(
            target, action: "registration.rejected",
            detail: "jsonb_build_object('reason', \(reason))", once: once,
            unless: target.obstacle
        ) { tx in
            try tx.optional(
                Registration.self,
                """
                UPDATE registrations
                SET status = 'rejected',
                    decided_by = \(target.author.subject),
                    decided_at = statement_timestamp(),
                    reason = \(reason),
                    version = version + 1
                WHERE \(fragment: target.condition) AND \(fragment: target.isFree)
                RETURNING \(fragment: Registration.columns(in: target.clinicID))
                """)
        } then: { rejected, tx in
            tx.pipeline.queueMessage(
                OutboxEntry(telling: rejected, .registrationRejected, id: messageID))
            return .known(rejected)
        }
    }
}

extension Pipeline {
    /// Queues the making of the patient that a registration asks for, unless there is one.
    /// - Returns: How many were made.
    fileprivate func makePatient(_ id: UUID, of target: RegistrationTarget) -> Pending<Int> {
        execute(
            """
            INSERT INTO patients (clinic_id, id, name, email, phone, birth_date)
            SELECT clinic_id, \(id), name, email, phone, birth_date
            FROM registrations
            WHERE \(fragment: target.condition) AND \(fragment: target.isFree)
            ON CONFLICT (clinic_id, lower(email)) WHERE email IS NOT NULL DO NOTHING
            """)
    }

    /// Queues the reading of the patient that an approved registration names.
    fileprivate func patient(of approved: Registration) -> Pending<Patient> {
        one(
            Patient.self,
            """
            SELECT \(fragment: Patient.columns)
            FROM patients
            WHERE clinic_id = \(approved.clinicID) AND id = \(approved.patientID)
            """)
    }
}

extension OutboxEntry {
    /// The message that tells of a decision. The version is the decision's own, so there is one.
    fileprivate init(telling decided: Registration, _ kind: MessageKind, id: UUID) {
        self.init(
            id: id, clinicID: decided.clinicID, kind: kind, objectID: decided.id,
            version: decided.version, recipient: decided.email)
    }
}
