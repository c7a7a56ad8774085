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
}

extension PatientService {
    /// Makes patients, all or none, in one statement.
    /// - Throws: `patientExists` if one's e-mail address is taken; `clinicNotFound`.
    package func createPatients(
        _ drafts: [PatientDraft], in clinicID: UUID, by author: Author
    ) async throws -> [Patient] {
        let ids = drafts.map { _ in store.environment.newID() }
        let entryIDs = drafts.map { _ in store.environment.newID() }
        do {
            return try await store.write(to: clinicID) { tx in
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

    /// A patient with its appointments, read in one snapshot.
    /// - Throws: `patientNotFound`.
    package func record(of id: UUID, in clinicID: UUID) async throws -> PatientRecord {
        let (patient, appointments) = try await store.read(isolation: .repeatableRead) { tx in
            let patient = tx.pipeline.optional(
                Patient.self,
                """
                SELECT \(fragment: Patient.columns)
                FROM patients
                WHERE clinic_id = \(clinicID) AND id = \(id)
                """)
            let appointments = tx.pipeline.all(
                Appointment.self,
                """
                SELECT \(fragment: Appointment.columns)
                FROM \(fragment: Appointment.all(ofPatient: id, in: clinicID))
                ORDER BY starts_at, id
                """)
            return Pending { (try patient.get(), try appointments.get()) }
        }
        guard let patient else { throw RecordError.patientNotFound }
        return PatientRecord(patient: patient, appointments: appointments)
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
