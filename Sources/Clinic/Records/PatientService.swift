import FoundationEssentials
import Postgres

/// Patients and their records.
package struct PatientService: Sendable {
    let store: Store

    package init(store: Store) { self.store = store }
}

/// Why a record was not made or shown.
package enum RecordError: Error, Hashable, Sendable {
    case clinicNotFound
    case patientNotFound
    /// Another patient of the clinic has that e-mail address.
    case patientExists
    case prescriptionNotFound
    case insuranceNotFound
}

extension PatientService {
    /// Makes a patient.
    /// - Throws: `patientExists` if its e-mail address is taken; `clinicNotFound`.
    package func createPatient(
        _ draft: PatientDraft, in clinicID: UUID, by author: Author, once: Once<Patient>? = nil
    ) async throws -> Patient {
        let made = try await createPatients(
            [draft], in: clinicID, by: author, once: once?.map(\.first))
        guard let patient = made.first else { throw RecordError.clinicNotFound }
        return patient
    }

    /// Makes patients, all or none, in one statement.
    /// - Throws: `patientExists` if one's e-mail address is taken; `clinicNotFound`.
    package func createPatients(
        _ drafts: [PatientDraft], in clinicID: UUID, by author: Author,
        once: Once<[Patient]>? = nil
    ) async throws -> [Patient] {
        let ids = drafts.map { _ in store.environment.newID() }
        let entryIDs = drafts.map { _ in store.environment.newID() }
        do {
            return try await store.write(to: clinicID, once: once) { tx in
                let patients = try tx.all(
                    Patient.self,
                    """
                    WITH draft AS (
                        SELECT *
                        FROM unnest(
                            \(ids),
                            \(entryIDs),
                            \(drafts.map(\.name)),
                            \(drafts.map(\.email)),
                            \(drafts.map(\.phone)),
                            \(drafts.map(\.birthDate))
                        ) AS draft (id, entry_id, name, email, phone, birth_date)
                    ),
                    made AS (
                        INSERT INTO patients (clinic_id, id, name, email, phone, birth_date)
                        SELECT \(clinicID), id, name, email, phone, birth_date
                        FROM draft
                        ON CONFLICT (clinic_id, lower(email)) WHERE email IS NOT NULL DO NOTHING
                        RETURNING *
                    ),
                    recorded AS (
                        INSERT INTO journal (\(fragment: JournalEntry.columns))
                        SELECT
                            \(clinicID),
                            draft.entry_id,
                            'patient',
                            made.id,
                            made.version,
                            \(author.subject),
                            'patient.created',
                            \(author.requestID),
                            '{}'
                        FROM made JOIN draft USING (id)
                    )
                    SELECT \(fragment: Patient.columns)
                    FROM made
                    ORDER BY created_at, id
                    """)
                // A violation instead would put the address into PostgreSQL's log.
                guard patients.count == drafts.count else { throw RecordError.patientExists }
                return .known(patients)
            }
        } catch let error as PostgresError where error.sqlState == .foreignKeyViolation {
            throw RecordError.clinicNotFound
        }
    }

    /// A patient with everything that the record holds, read in one snapshot.
    /// - Throws: `patientNotFound`.
    package func record(of id: UUID, in clinicID: UUID) async throws -> PatientRecord {
        let record = try await store.read(isolation: .repeatableRead) { tx in
            tx.pipeline.record(of: id, in: clinicID)
        }
        guard let record else { throw RecordError.patientNotFound }
        return record
    }

    /// A clinic's patients, oldest record first.
    /// - Parameter query: A part of the name, or a whole e-mail address; case does not matter.
    /// - Throws: `CalendarError.clinicNotFound`.
    package func patients(
        in clinicID: UUID, matching query: String?, _ page: PageRequest
    ) async throws -> Page<Patient> {
        let condition: SQL =
            if let query {
                """
                AND (
                    strpos(lower(name), lower(\(query))) > 0
                    OR lower(email) = lower(\(query))
                )
                """
            } else {
                .nothing
            }
        return try await store.page(
            page, in: clinicID, by: { Keyset(time: $0.createdAt, id: $0.id) }
        ) { pipeline in
            pipeline.all(
                Patient.self,
                """
                SELECT \(fragment: Patient.columns)
                FROM patients
                WHERE clinic_id = \(clinicID)
                    AND (created_at, id) > (\(page.start.time), \(page.start.id))
                    \(fragment: condition)
                ORDER BY created_at, id
                LIMIT \(page.rowsToRead)
                """)
        }
    }
}

extension Pipeline {
    /// Queues the reading of a patient.
    func patient(_ id: UUID, in clinicID: UUID) -> Pending<Patient?> {
        optional(
            Patient.self,
            """
            SELECT \(fragment: Patient.columns)
            FROM patients
            WHERE clinic_id = \(clinicID) AND id = \(id)
            """)
    }

    /// Queues the reading of a patient's whole record.
    func record(of id: UUID, in clinicID: UUID) -> Pending<PatientRecord?> {
        let patient = patient(id, in: clinicID)
        let prescriptions = items(Prescription.self, of: id, in: clinicID)
        let insurances = items(Insurance.self, of: id, in: clinicID)
        let appointments = all(
            Appointment.self,
            """
            SELECT \(fragment: Appointment.columns)
            FROM \(fragment: Appointment.all(ofPatient: id, in: clinicID))
            ORDER BY starts_at, id
            """)
        return Pending {
            guard let patient = try patient.get() else { return nil }
            return PatientRecord(
                patient: patient, prescriptions: try prescriptions.get(),
                insurances: try insurances.get(), appointments: try appointments.get())
        }
    }

    private func items<Item: RecordItem>(
        _ type: Item.Type, of patientID: UUID, in clinicID: UUID
    ) -> Pending<[Item]> {
        all(
            Item.self,
            """
            SELECT \(fragment: Item.columns)
            FROM \(fragment: Item.table) AS item
            WHERE clinic_id = \(clinicID) AND patient_id = \(patientID)
            ORDER BY created_at, id
            """)
    }

    /// Queues the question whether there is such a patient.
    func patientExists(_ id: UUID, in clinicID: UUID) -> Pending<Bool> {
        one(
            Scalar<Bool>.self,
            """
            SELECT EXISTS (
                SELECT FROM patients WHERE clinic_id = \(clinicID) AND id = \(id)
            )
            """
        ).map(\.value)
    }
}
