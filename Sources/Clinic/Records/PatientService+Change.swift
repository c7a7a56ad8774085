import FoundationEssentials
import Postgres

/// What of a patient is to change; nil for what stays.
package struct PatientChanges: Hashable, Sendable {
    package let name: String?
    /// The address, or that there is none.
    package let email: String??
    package let phone: String??
    package let birthDate: CalendarDay?

    package init(name: String?, email: String??, phone: String??, birthDate: CalendarDay?) {
        self.name = name
        self.email = email
        self.phone = phone
        self.birthDate = birthDate
    }
}

extension PatientService {
    /// Changes a patient.
    /// - Returns: The whole record, as it is with the change.
    /// - Throws: `LockError.lockLost`; ``VersionConflict``; `patientNotFound`; `patientExists` if another
    ///   has that e-mail address.
    package func change(
        _ target: RecordTarget, _ changes: PatientChanges
    ) async throws -> PatientRecord {
        let entryID = store.newID()
        do {
            return try await store.write(to: target.clinicID) { tx in
                tx.pipeline.name(target.claim)
                guard let changed = try tx.pipeline.change(target, changes).get() else {
                    let others = tx.pipeline.othersHave(changes.email ?? nil, target)
                    let current = tx.pipeline.patient(target.patientID, in: target.clinicID)
                    throw try tx.refusal(
                        of: target, .patient, target.patientID, current: current,
                        as: VersionedObject.patient, notFound: .patientNotFound,
                        otherwise: others.get() ? RecordError.patientExists : LockError.lockLost)
                }
                tx.pipeline.record(
                    JournalEntry(
                        id: entryID, clinicID: target.clinicID, objectType: .patient,
                        objectID: target.patientID, version: changed.version,
                        action: "patient.changed", author: target.author))
                @Sendable func record(_ tx: Transaction) -> Pending<PatientRecord> {
                    let record = tx.pipeline.record(of: target.patientID, in: target.clinicID)
                    return Pending {
                        guard let record = try record.get() else {
                            throw RecordError.patientNotFound
                        }
                        return record
                    }
                }
                return .pending(record(tx), recall: record)
            }
        } catch let error as PostgresError where error.violates("patient_one_per_email") {
            throw RecordError.patientExists
        }
    }
}

extension Pipeline {
    /// Queues the change, if the lock is good and the patient still what the author has seen.
    fileprivate func change(
        _ target: RecordTarget, _ changes: PatientChanges
    ) -> Pending<Patient?> {
        let versionCondition: SQL =
            target.version.map { "AND patients.version = \($0)" } ?? .nothing
        return optional(
            Patient.self,
            """
            WITH \(fragment: target.held)
            UPDATE patients
            SET \(fragment: .assignment(of: changes.name, to: "name")),
                \(fragment: .assignment(of: changes.email, to: "email")),
                \(fragment: .assignment(of: changes.phone, to: "phone")),
                \(fragment: .assignment(of: changes.birthDate, to: "birth_date")),
                version = version + 1
            FROM held
            WHERE patients.clinic_id = \(target.clinicID)
                AND patients.id = \(target.patientID)
                \(fragment: versionCondition)
                AND NOT \(fragment: target.othersHave(changes.email ?? nil))
            RETURNING \(fragment: Patient.columns)
            """)
    }

    /// Queues the question whether another patient has that address.
    fileprivate func othersHave(_ email: String?, _ target: RecordTarget) -> Pending<Bool> {
        one(Scalar<Bool>.self, "SELECT \(fragment: target.othersHave(email))").map(\.value)
    }
}

extension RecordTarget {
    /// Whether another patient has that address. Asked for before the constraint would find out, which
    /// would put the address into PostgreSQL's log.
    fileprivate func othersHave(_ email: String?) -> SQL {
        """
        EXISTS (
            SELECT
            FROM patients AS other
            WHERE other.clinic_id = \(clinicID)
                AND lower(other.email) = lower(\(email))
                AND other.id <> \(patientID)
        )
        """
    }
}
