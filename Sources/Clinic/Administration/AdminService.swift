import FoundationEssentials
import Postgres

/// Decides registrations, each once, whoever else is at it.
///
/// Nothing is locked while an administrator thinks. Every change is one
/// `UPDATE ... WHERE version = $n`: of two that are based on the same version, the second touches no
/// row and is told who made the first.
package struct AdminService: Sendable {
    let store: Store

    package init(store: Store) { self.store = store }
}

extension AdminService {
    /// Takes down somebody's wish to become a patient. Who has a patient's e-mail address already is
    /// not told so; the administrator sees it.
    /// - Throws: `alreadyRegistered`; `CalendarError.clinicNotFound`; ``InvalidInput`` without an e-mail
    ///   address, to which the decision is sent.
    package func register(
        _ draft: PatientDraft, in clinicID: UUID, by author: Author,
        once: Once<Registration>? = nil
    ) async throws -> Registration {
        guard let email = draft.email else {
            throw InvalidInput("email", "must be there: the decision is sent to it")
        }
        let id = store.newID()
        let entryID = store.newID()
        do {
            return try await store.write(to: clinicID, once: once) { tx in
                let count = tx.pipeline.execute(
                    """
                    INSERT INTO registrations (clinic_id, id, name, email, phone, birth_date)
                    VALUES (
                        \(clinicID), \(id), \(draft.name), \(email), \(draft.phone),
                        \(draft.birthDate)
                    )
                    ON CONFLICT (clinic_id, lower(email))
                        WHERE status IN ('pending', 'in_review') DO NOTHING
                    """)
                let registration = tx.pipeline.registration(id, in: clinicID)
                guard try count.get() == 1, let made = try registration.get() else {
                    throw RegistrationError.alreadyRegistered
                }
                tx.pipeline.record(
                    JournalEntry(
                        id: entryID, clinicID: clinicID, objectType: .registration, objectID: id,
                        version: 1, action: "registration.created", author: author))
                return .known(made)
            }
        } catch let error as PostgresError where error.sqlState == .foreignKeyViolation {
            throw CalendarError.clinicNotFound
        }
    }

    /// One registration.
    /// - Throws: `registrationNotFound`.
    package func registration(_ id: UUID, in clinicID: UUID) async throws -> Registration {
        let registration = try await store.read { tx in tx.pipeline.registration(id, in: clinicID) }
        guard let registration else { throw RegistrationError.registrationNotFound }
        return registration
    }

    /// A clinic's registrations, oldest first.
    /// - Parameters:
    ///   - status: Only those; nil: any.
    ///   - reviewer: Only those that this administrator reviews or did; nil: any.
    /// - Throws: `CalendarError.clinicNotFound`.
    package func registrations(
        in clinicID: UUID, status: RegistrationStatus?, assignedTo reviewer: String?,
        _ page: PageRequest
    ) async throws -> Page<Registration> {
        let statusCondition: SQL = status.map { "AND status = \($0)" } ?? .nothing
        let reviewerCondition: SQL = reviewer.map { "AND assigned_to = \($0)" } ?? .nothing
        return try await store.page(
            page, in: clinicID, by: { Keyset(time: $0.createdAt, id: $0.id) }
        ) { pipeline in
            pipeline.all(
                Registration.self,
                """
                SELECT \(fragment: Registration.columns(in: clinicID))
                FROM registrations
                WHERE clinic_id = \(clinicID)
                    AND (created_at, id) > (\(page.start.time), \(page.start.id))
                    \(fragment: statusCondition)
                    \(fragment: reviewerCondition)
                ORDER BY registrations.created_at, registrations.id
                LIMIT \(page.rowsToRead)
                """)
        }
    }
}

extension Pipeline {
    /// Queues the reading of a registration.
    func registration(_ id: UUID, in clinicID: UUID) -> Pending<Registration?> {
        optional(
            Registration.self,
            """
            SELECT \(fragment: Registration.columns(in: clinicID))
            FROM registrations
            WHERE clinic_id = \(clinicID) AND id = \(id)
            """)
    }
}
