import FoundationEssentials
import Postgres

/// Which registration is to be changed, from which version, by whom.
package struct RegistrationTarget: Hashable, Sendable {
    package let id: UUID
    package let clinicID: UUID
    /// What the administrator has seen; nil where the change brings another precondition.
    package let version: Int?
    package let author: Author

    package init(_ id: UUID, in clinicID: UUID, version: Int?, by author: Author) {
        self.id = id
        self.clinicID = clinicID
        self.version = version
        self.author = author
    }

    /// The row, if it is still what the administrator has seen.
    var condition: SQL {
        let row: SQL = "registrations.clinic_id = \(clinicID) AND registrations.id = \(id)"
        guard let version else { return row }
        return "\(fragment: row) AND registrations.version = \(version)"
    }

    /// Undecided, and nobody else's to review.
    var isFree: SQL {
        """
        registrations.status IN ('pending', 'in_review')
        AND coalesce(registrations.assigned_to, \(author.subject)) = \(author.subject)
        """
    }

    /// Why a registration of the right version is not free.
    @Sendable func obstacle(_ registration: Registration) -> RegistrationError? {
        if registration.status.isDecided { return .alreadyDecided(registration) }
        let isAnothers = registration.assignedTo.map { $0 != author.subject } ?? false
        return isAnothers ? .alreadyClaimed(registration) : nil
    }
}

extension AdminService {
    /// Makes one change and its journal row, and tells what the registration became.
    /// - Parameters:
    ///   - action: For the journal: what is done.
    ///   - detail: For the journal: with what; a `jsonb` expression.
    ///   - obstacle: What forbids the change although the version is right.
    ///   - update: Runs the `UPDATE`; nil if it touched no row.
    /// - Throws: ``VersionConflict``; ``RegistrationError``.
    func change(
        _ target: RegistrationTarget, action: String, detail: SQL = "'{}'::jsonb",
        once: Once<Registration>? = nil,
        unless obstacle: @escaping @Sendable (Registration) -> RegistrationError?,
        by update: @escaping @Sendable (Transaction) throws -> Registration?
    ) async throws -> Registration {
        try await change(
            target, action: action, detail: detail, once: once, unless: obstacle, by: update
        ) { changed, _ in .known(changed) }
    }

    /// Makes one change with its journal row and what `then` queues, and tells what that gives.
    func change<Result: Sendable>(
        _ target: RegistrationTarget, action: String, detail: SQL = "'{}'::jsonb",
        once: Once<Result>? = nil,
        unless obstacle: @escaping @Sendable (Registration) -> RegistrationError?,
        by update: @escaping @Sendable (Transaction) throws -> Registration?,
        then: @escaping @Sendable (Registration, Transaction) throws -> Outcome<Result>
    ) async throws -> Result {
        let entryID = store.newID()
        return try await store.write(to: target.clinicID, once: once) { tx in
            guard let changed = try update(tx) else {
                throw try tx.refusal(
                    of: .registration, target.id, in: target.clinicID, from: target.version,
                    current: tx.pipeline.registration(target.id, in: target.clinicID),
                    as: VersionedObject.registration,
                    notFound: RegistrationError.registrationNotFound, unless: obstacle)
            }
            tx.pipeline.record(
                JournalEntry(
                    id: entryID, clinicID: target.clinicID, objectType: .registration,
                    objectID: target.id, version: changed.version, action: action,
                    author: target.author, detail: detail))
            return try then(changed, tx)
        }
    }
}
