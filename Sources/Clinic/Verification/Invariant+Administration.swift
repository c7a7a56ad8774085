import FoundationEssentials
import Postgres

extension Invariant {
    /// How many decisions a registration has had.
    private static let decisions: SQL =
        "(CASE WHEN registrations.status IN ('approved', 'rejected') THEN 1 ELSE 0 END)"

    /// That each registration is decided once, and everything agrees about it.
    static let administration = [
        Invariant(
            number: 5, rule: "A decided registration has one message of its kind; others have none."
        ) {
            """
            SELECT 'registration ' || registrations.id || ' is ' || registrations.status || ', has '
                || count(outbox) || ' messages'
            FROM registrations
            LEFT JOIN outbox
                ON outbox.clinic_id = \($0)
                AND outbox.kind IN ('registration.approved', 'registration.rejected')
                AND split_part(outbox.subject, ':', 1) = registrations.id::text
            WHERE registrations.clinic_id = \($0)
            GROUP BY registrations.id, registrations.status, registrations.version
            HAVING count(outbox) <> \(fragment: decisions)
                OR min(outbox.kind) <> 'registration.' || registrations.status
                OR min(outbox.subject) <> registrations.id || ':' || registrations.version
            """
        },
        Invariant(number: 5, rule: "Who decided a registration is who the journal says.") {
            """
            SELECT 'registration ' || registrations.id
            FROM registrations
            LEFT JOIN journal
                ON journal.clinic_id = \($0)
                AND journal.object_type = 'registration'
                AND journal.object_id = registrations.id
                AND journal.action IN ('registration.approved', 'registration.rejected')
            WHERE registrations.clinic_id = \($0)
            GROUP BY registrations.id, registrations.status, registrations.decided_by
            HAVING count(journal) <> \(fragment: decisions)
                OR min(journal.action) <> 'registration.' || registrations.status
                OR min(journal.actor) <> registrations.decided_by
            """
        },
        Invariant(number: 5, rule: "An approved registration has a patient; others have none.") {
            """
            SELECT 'registration ' || registrations.id
            FROM registrations
            LEFT JOIN patients
                ON patients.clinic_id = \($0) AND patients.id = registrations.patient_id
            WHERE registrations.clinic_id = \($0)
                AND (registrations.status = 'approved') <> (patients.id IS NOT NULL)
            """
        },
    ]
}
