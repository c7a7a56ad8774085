import FoundationEssentials
import Postgres

extension CalendarService {
    /// Makes a practitioner.
    /// - Throws: `clinicNotFound`.
    package func createPractitioner(
        name: String, specialty: String, in clinicID: UUID, by author: Author,
        once: Once<Practitioner>? = nil
    ) async throws -> Practitioner {
        let id = store.environment.newID()
        let entryID = store.environment.newID()
        do {
            return try await store.write(to: clinicID, once: once) { tx in
                let made = try tx.one(
                    Practitioner.self,
                    """
                    INSERT INTO practitioners (clinic_id, id, name, specialty)
                    VALUES (\(clinicID), \(id), \(name), \(specialty))
                    RETURNING \(fragment: Practitioner.columns)
                    """)
                tx.pipeline.record(
                    JournalEntry(
                        id: entryID, clinicID: clinicID, objectType: .practitioner, objectID: id,
                        version: 1, action: "practitioner.created", author: author,
                        detail: "jsonb_build_object('name', \(name), 'specialty', \(specialty))"))
                return .known(made)
            }
        } catch let error as PostgresError where error.sqlState == .foreignKeyViolation {
            throw CalendarError.clinicNotFound
        }
    }

    /// One practitioner.
    /// - Throws: `practitionerNotFound`.
    package func practitioner(_ id: UUID, in clinicID: UUID) async throws -> Practitioner {
        let practitioner = try await store.read { tx in
            tx.pipeline.practitioner(id, in: clinicID)
        }
        guard let practitioner else { throw CalendarError.practitionerNotFound }
        return practitioner
    }

    /// A clinic's practitioners, oldest first.
    /// - Throws: `clinicNotFound`.
    package func practitioners(
        in clinicID: UUID, _ page: PageRequest
    ) async throws -> Page<Practitioner> {
        try await store.page(page, in: clinicID, by: { Keyset(time: $0.createdAt, id: $0.id) }) {
            pipeline in
            pipeline.all(
                Practitioner.self,
                """
                SELECT \(fragment: Practitioner.columns)
                FROM practitioners
                WHERE clinic_id = \(clinicID)
                    AND (created_at, id) > (\(page.start.time), \(page.start.id))
                ORDER BY created_at, id
                LIMIT \(page.rowsToRead)
                """)
        }
    }
}

extension Pipeline {
    /// Queues the reading of a practitioner.
    func practitioner(_ id: UUID, in clinicID: UUID) -> Pending<Practitioner?> {
        optional(
            Practitioner.self,
            """
            SELECT \(fragment: Practitioner.columns)
            FROM practitioners
            WHERE clinic_id = \(clinicID) AND id = \(id)
            """)
    }
}
