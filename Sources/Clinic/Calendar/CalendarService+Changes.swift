import FoundationEssentials
import Postgres

/// What is to be changed of a clinic. Nil: stays as it is.
package struct ClinicChanges: Hashable, Sendable {
    package var name: String?
    package var timeZone: String?

    package init() {}
}

/// What is to be changed of a practitioner. Nil: stays as it is.
package struct PractitionerChanges: Hashable, Sendable {
    package var name: String?
    package var specialty: String?

    package init() {}
}

extension CalendarService {
    /// Changes a clinic, if it still has the given version.
    /// - Throws: ``VersionConflict``; `clinicNotFound`; ``InvalidInput`` for an unknown time zone.
    package func change(
        clinic id: UUID, _ changes: ClinicChanges, ifVersion version: Int, by author: Author
    ) async throws -> Clinic {
        let entryID = store.environment.newID()
        return try await store.write(to: id) { tx in
            if let timeZone = changes.timeZone {
                guard try tx.pipeline.timeZoneExists(timeZone).get() else {
                    throw InvalidInput.unknownTimeZone
                }
            }
            let changed = try tx.optional(
                Clinic.self,
                """
                UPDATE clinics
                SET name = coalesce(\(changes.name), name),
                    time_zone = coalesce(\(changes.timeZone), time_zone),
                    version = version + 1
                WHERE id = \(id) AND version = \(version)
                RETURNING \(fragment: Clinic.columns)
                """)
            guard let changed else {
                throw try tx.refusal(
                    of: .clinic, id, in: id, from: version, current: tx.pipeline.clinic(id),
                    as: VersionedObject.clinic, notFound: CalendarError.clinicNotFound)
            }
            tx.pipeline.record(
                JournalEntry(
                    id: entryID, clinicID: id, objectType: .clinic, objectID: id,
                    version: changed.version, action: "clinic.changed", author: author,
                    detail: """
                        jsonb_strip_nulls(jsonb_build_object(
                            'name', \(changes.name), 'time_zone', \(changes.timeZone)))
                        """))
            return .known(changed)
        }
    }

    /// Changes a practitioner, if it still has the given version.
    /// - Throws: ``VersionConflict``; `practitionerNotFound`.
    package func change(
        practitioner id: UUID, in clinicID: UUID, _ changes: PractitionerChanges,
        ifVersion version: Int, by author: Author
    ) async throws -> Practitioner {
        let entryID = store.environment.newID()
        return try await store.write(to: clinicID) { tx in
            let changed = try tx.optional(
                Practitioner.self,
                """
                UPDATE practitioners
                SET name = coalesce(\(changes.name), name),
                    specialty = coalesce(\(changes.specialty), specialty),
                    version = version + 1
                WHERE clinic_id = \(clinicID) AND id = \(id) AND version = \(version)
                RETURNING \(fragment: Practitioner.columns)
                """)
            guard let changed else {
                throw try tx.refusal(
                    of: .practitioner, id, in: clinicID, from: version,
                    current: tx.pipeline.practitioner(id, in: clinicID),
                    as: VersionedObject.practitioner,
                    notFound: CalendarError.practitionerNotFound)
            }
            tx.pipeline.record(
                JournalEntry(
                    id: entryID, clinicID: clinicID, objectType: .practitioner, objectID: id,
                    version: changed.version, action: "practitioner.changed", author: author,
                    detail: """
                        jsonb_strip_nulls(jsonb_build_object(
                            'name', \(changes.name), 'specialty', \(changes.specialty)))
                        """))
            return .known(changed)
        }
    }
}

extension InvalidInput {
    static let unknownTimeZone = InvalidInput(
        "time_zone", "must be an IANA time zone such as Europe/Berlin")
}

extension Pipeline {
    /// Queues the question whether PostgreSQL, which computes the calendar, knows a time zone.
    func timeZoneExists(_ name: String) -> Pending<Bool> {
        one(
            Scalar<Bool>.self,
            """
            SELECT EXISTS (
                SELECT
                FROM pg_timezone_names
                WHERE name = \(name)
                    AND name !~ '^(posix|right)/'
                    AND name NOT IN ('Factory', 'localtime', 'posixrules')
            )
            """
        ).map(\.value)
    }
}
