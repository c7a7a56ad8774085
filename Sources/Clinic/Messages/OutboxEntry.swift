import FoundationEssentials
import Postgres

/// A message that is to be sent, queued in the transaction of the change that it tells of.
///
/// The constraint `outbox_once` allows one of a kind for each version of an object, so nobody hears
/// twice of one change, whoever tries again. What the message says is in that version's journal row.
struct OutboxEntry: Sendable {
    let id: UUID
    let clinicID: UUID
    let kind: MessageKind
    /// What was changed, and the version that this made.
    let objectID: UUID
    let version: Int
    let recipient: String

    /// What an `INSERT INTO outbox` gives, in this order.
    static let columns: SQL = """
        clinic_id,
        kind,
        subject,
        id,
        recipient,
        status,
        last_error
        """

    /// The state, `status` and `last_error`, of a message to a patient who may have no address.
    /// - Parameter recipient: An expression for the address.
    static func state(to recipient: SQL) -> SQL {
        """
        CASE WHEN \(fragment: recipient) IS NULL THEN 'failed' ELSE 'queued' END,
        CASE WHEN \(fragment: recipient) IS NULL THEN 'the patient has no e-mail address' END
        """
    }
}

extension Pipeline {
    /// Queues the message's row. It commits with the change that it tells of, or not at all.
    func queueMessage(_ entry: OutboxEntry) {
        execute(
            """
            INSERT INTO outbox (\(fragment: OutboxEntry.columns))
            VALUES (
                \(entry.clinicID),
                \(entry.kind),
                \(entry.objectID)::text || ':' || \(entry.version)::text,
                \(entry.id),
                \(entry.recipient),
                'queued',
                NULL
            )
            """)
    }
}
