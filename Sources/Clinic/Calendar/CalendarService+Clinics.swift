import FoundationEssentials
import Postgres

extension CalendarService {
    /// Makes a clinic.
    /// - Throws: ``InvalidInput`` if PostgreSQL, which computes the calendar, does not know the
    ///   time zone.
    package func createClinic(
        name: String, timeZone: String, by author: Author, once: Once<Clinic>? = nil
    ) async throws -> Clinic {
        let id = store.environment.newID()
        let entryID = store.environment.newID()
        return try await store.write(to: id, once: once) { tx in
            guard try tx.pipeline.timeZoneExists(timeZone).get() else {
                throw InvalidInput.unknownTimeZone
            }
            let made = try tx.one(
                Clinic.self,
                """
                INSERT INTO clinics (id, name, time_zone)
                VALUES (\(id), \(name), \(timeZone))
                RETURNING \(fragment: Clinic.columns)
                """)
            tx.pipeline.record(
                JournalEntry(
                    id: entryID, clinicID: id, objectType: .clinic, objectID: id,
                    version: 1, action: "clinic.created", author: author,
                    detail: "jsonb_build_object('name', \(name), 'time_zone', \(timeZone))"))
            return .known(made)
        }
    }

    /// One clinic.
    /// - Throws: `clinicNotFound`.
    package func clinic(_ id: UUID) async throws -> Clinic {
        let clinic = try await store.read { tx in tx.pipeline.clinic(id) }
        guard let clinic else { throw CalendarError.clinicNotFound }
        return clinic
    }

    /// All clinics, oldest first.
    package func clinics(_ page: PageRequest) async throws -> Page<Clinic> {
        let rows = try await store.read { tx in
            tx.pipeline.all(
                Clinic.self,
                """
                SELECT \(fragment: Clinic.columns)
                FROM clinics
                WHERE (created_at, id) > (\(page.start.time), \(page.start.id))
                ORDER BY created_at, id
                LIMIT \(page.rowsToRead)
                """)
        }
        return Page(rows, of: page) { Keyset(time: $0.createdAt, id: $0.id) }
    }
}

extension Pipeline {
    /// Queues the reading of a clinic.
    func clinic(_ id: UUID) -> Pending<Clinic?> {
        optional(Clinic.self, "SELECT \(fragment: Clinic.columns) FROM clinics WHERE id = \(id)")
    }

    /// Queues the question whether a clinic exists, for lists that would else be empty either way.
    func clinicExists(_ id: UUID) -> Pending<Bool> {
        one(
            Scalar<Bool>.self, "SELECT EXISTS (SELECT FROM clinics WHERE id = \(id))"
        ).map(\.value)
    }
}
