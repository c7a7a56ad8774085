import FoundationEssentials
import Postgres

/// One row of the journal: what was done to which object, by whom.
struct JournalEntry: Sendable {
    let id: UUID
    let clinicID: UUID
    let objectType: ObjectType
    let objectID: UUID
    let version: Int
    /// The object's type and what was done to it: `patient.created`.
    let action: String
    let author: Author
    /// A `jsonb` expression: what the change was.
    var detail: SQL = "'{}'::jsonb"

    /// What an `INSERT INTO journal` gives, in this order.
    static let columns: SQL = """
        clinic_id,
        id,
        object_type,
        object_id,
        version,
        actor,
        action,
        request_id,
        detail
        """
}

extension Pipeline {
    /// Queues the row. It commits with the change that it records, or not at all.
    func record(_ entry: JournalEntry) {
        execute(
            """
            INSERT INTO journal (\(fragment: JournalEntry.columns))
            VALUES (
                \(entry.clinicID),
                \(entry.id),
                \(entry.objectType.rawValue),
                \(entry.objectID),
                \(entry.version),
                \(entry.author.subject),
                \(entry.action),
                \(entry.author.requestID),
                \(fragment: entry.detail)
            )
            """)
    }
}
