import FoundationEssentials
import Postgres

extension AdminService {
    /// Picks a registration from the queue; again, if one has picked it already.
    /// - Parameter comments: Replace what is there; nil: stay as they are.
    /// - Throws: ``VersionConflict``; `registrationNotFound`, `alreadyClaimed`, `alreadyDecided`.
    package func claim(
        _ target: RegistrationTarget, comments: String?, once: Once<Registration>? = nil
    ) async throws -> Registration {
        try await change(
            target, action: "registration.claimed", once: once, unless: target.obstacle
        ) { tx in
            try tx.optional(
                Registration.self,
                """
                UPDATE registrations
                SET status = 'in_review',
                    assigned_to = \(target.author.subject),
                    comments = coalesce(\(comments), comments),
                    version = version + 1
                WHERE \(fragment: target.condition) AND \(fragment: target.isFree)
                RETURNING \(fragment: Registration.columns(in: target.clinicID))
                """)
        }
    }

    /// Puts a registration back into the queue.
    /// - Parameter anybodys: Whether another administrator's may be put back, too.
    /// - Throws: ``VersionConflict``; `registrationNotFound`, `alreadyClaimed`, `alreadyDecided`,
    ///   `notClaimed`.
    package func release(
        _ target: RegistrationTarget, anybodys: Bool, once: Once<Registration>? = nil
    ) async throws -> Registration {
        try await change(
            target, action: "registration.released", once: once,
            unless: { $0.status == .pending ? .notClaimed : target.obstacle($0) }
        ) { tx in
            try tx.optional(
                Registration.self,
                """
                UPDATE registrations
                SET status = 'pending',
                    assigned_to = NULL,
                    version = version + 1
                WHERE \(fragment: target.condition)
                    AND status = 'in_review'
                    AND (\(anybodys) OR assigned_to = \(target.author.subject))
                RETURNING \(fragment: Registration.columns(in: target.clinicID))
                """)
        }
    }
}
