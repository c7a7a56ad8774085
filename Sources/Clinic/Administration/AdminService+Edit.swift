import FoundationEssentials
import Postgres

/// What is to be changed of a registration. Nil: stays as it is.
///
/// The e-mail address stays: it is who the request is from.
package struct RegistrationChanges: Hashable, Sendable {
    package var name: String?
    package var phone: String??
    package var birthDate: CalendarDay?
    package var comments: String??

    package init() {}
}

/// What a registration's columns must still be. Nil: anything.
package struct RegistrationExpectations: Hashable, Sendable {
    package var name: String?
    package var email: String?
    package var phone: String??
    package var birthDate: CalendarDay?
    package var comments: String??
    package var status: RegistrationStatus?
    package var assignedTo: String??

    package init() {}
}

extension AdminService {
    /// Edits an undecided registration.
    ///
    /// By the version, a change of any column since is a conflict. By the columns that were tested, two
    /// administrators who edit different ones do not disturb each other: PostgreSQL looks at the tests
    /// again on the row as it is once the other one has committed. See `docs/adr/0005`.
    /// - Throws: ``VersionConflict``; `registrationNotFound`, `alreadyDecided`.
    package func edit(
        _ target: RegistrationTarget, _ changes: RegistrationChanges,
        where expected: RegistrationExpectations
    ) async throws -> Registration {
        try await change(
            target, action: "registration.changed",
            detail: "jsonb_build_object('changed', to_jsonb(\(changes.names)))",
            unless: { $0.status.isDecided ? .alreadyDecided($0) : nil }
        ) { tx in
            try tx.optional(
                Registration.self,
                """
                UPDATE registrations
                SET \(fragment: .assignment(of: changes.name, to: "name")),
                    \(fragment: .assignment(of: changes.phone, to: "phone")),
                    \(fragment: .assignment(of: changes.birthDate, to: "birth_date")),
                    \(fragment: .assignment(of: changes.comments, to: "comments")),
                    version = version + 1
                WHERE \(fragment: target.condition)
                    AND status IN ('pending', 'in_review')
                    AND \(fragment: expectation(of: expected.name, in: "name"))
                    AND \(fragment: expectation(of: expected.email, in: "email"))
                    AND \(fragment: expectation(of: expected.phone, in: "phone"))
                    AND \(fragment: expectation(of: expected.birthDate, in: "birth_date"))
                    AND \(fragment: expectation(of: expected.comments, in: "comments"))
                    AND \(fragment: expectation(of: expected.status, in: "status"))
                    AND \(fragment: expectation(of: expected.assignedTo, in: "assigned_to"))
                RETURNING \(fragment: Registration.columns(in: target.clinicID))
                """)
        }
    }
}

extension RegistrationChanges {
    /// The columns that are replaced.
    fileprivate var names: [String] {
        [
            name.map { _ in "name" }, phone.map { _ in "phone" },
            birthDate.map { _ in "birth_date" }, comments.map { _ in "comments" },
        ].compactMap(\.self)
    }
}

// One text for every edit, so that it is prepared once.
private func expectation(of value: (some PostgresEncodable)?, in column: SQL) -> SQL {
    "(\(value == nil) OR \(fragment: column) IS NOT DISTINCT FROM \(value))"
}
