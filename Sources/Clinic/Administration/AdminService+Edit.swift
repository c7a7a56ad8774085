import FoundationEssentials
import Postgres

/// What is to be changed of a registration, and what must still hold of its columns.
///
/// The e-mail address stays: it is who the request is from.
package struct RegistrationEdit: Hashable, Sendable {
    package var name = ColumnEdit<String>()
    package var email = ColumnEdit<String>()
    package var phone = ColumnEdit<String?>()
    package var birthDate = ColumnEdit<CalendarDay>()
    package var comments = ColumnEdit<String?>()
    package var status = ColumnEdit<RegistrationStatus>()
    package var assignedTo = ColumnEdit<String?>()

    package init() {}

    /// The same replacements under another's expectations.
    package func expecting(_ other: RegistrationEdit) -> RegistrationEdit {
        var edit = self
        edit.name.expectation = other.name.expectation
        edit.email.expectation = other.email.expectation
        edit.phone.expectation = other.phone.expectation
        edit.birthDate.expectation = other.birthDate.expectation
        edit.comments.expectation = other.comments.expectation
        edit.status.expectation = other.status.expectation
        edit.assignedTo.expectation = other.assignedTo.expectation
        return edit
    }
}

/// One column's part in an edit.
package struct ColumnEdit<Value: PostgresEncodable & Hashable>: Hashable, Sendable {
    /// What it becomes; nil: it stays.
    package var replacement: Value?
    /// What it must be; nil: anything.
    package var expectation: Value?

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
        _ target: RegistrationTarget, _ edit: RegistrationEdit
    ) async throws -> Registration {
        try await change(
            target, action: "registration.changed",
            detail: "jsonb_build_object('changed', to_jsonb(\(edit.changed)))",
            unless: { $0.status.isDecided ? .alreadyDecided($0) : nil }
        ) { tx in
            try tx.optional(
                Registration.self,
                """
                UPDATE registrations
                SET \(fragment: edit.name.assigned(to: "name")),
                    \(fragment: edit.phone.assigned(to: "phone")),
                    \(fragment: edit.birthDate.assigned(to: "birth_date")),
                    \(fragment: edit.comments.assigned(to: "comments")),
                    version = version + 1
                WHERE \(fragment: target.condition)
                    AND status IN ('pending', 'in_review')
                    AND \(fragment: edit.name.holds(of: "name"))
                    AND \(fragment: edit.email.holds(of: "email"))
                    AND \(fragment: edit.phone.holds(of: "phone"))
                    AND \(fragment: edit.birthDate.holds(of: "birth_date"))
                    AND \(fragment: edit.comments.holds(of: "comments"))
                    AND \(fragment: edit.status.holds(of: "status"))
                    AND \(fragment: edit.assignedTo.holds(of: "assigned_to"))
                RETURNING \(fragment: Registration.columns)
                """)
        }
    }
}

extension RegistrationEdit {
    /// The columns that are replaced.
    fileprivate var changed: [String] {
        [
            name.replacement.map { _ in "name" }, phone.replacement.map { _ in "phone" },
            birthDate.replacement.map { _ in "birth_date" },
            comments.replacement.map { _ in "comments" },
        ].compactMap(\.self)
    }
}

extension ColumnEdit {
    /// One text for every edit, so that it is prepared once.
    fileprivate func assigned(to column: SQL) -> SQL {
        """
        \(fragment: column) = CASE
            WHEN \(replacement != nil) THEN \(replacement)
            ELSE \(fragment: column)
        END
        """
    }

    fileprivate func holds(of column: SQL) -> SQL {
        """
        (\(expectation == nil) OR \(fragment: column) IS NOT DISTINCT FROM \(expectation))
        """
    }
}
