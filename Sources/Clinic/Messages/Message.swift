import FoundationEssentials
import Postgres

/// A message of the outbox, as an administrator sees it.
package struct Message: Hashable, Sendable {
    package enum Status: String, CaseIterable, Sendable, PostgresValue {
        /// To be sent, now or once a pause is over.
        case queued
        /// Accepted by the mail server.
        case sent
        /// Given up.
        case failed
    }

    package let id: UUID
    /// As in ``MessageKind``, or of a newer version of the service.
    package let kind: String
    /// What it tells of: `<object id>:<version>`.
    package let subject: String
    /// Nil for a patient without an address.
    package let recipient: String?
    package let status: Status
    package let attempts: Int
    /// Why the last attempt failed; nil once it is sent.
    package let lastError: String?
    package let createdAt: Date
    package let sentAt: Date?
}

extension Message: RowDecodable {
    static let columns: SQL = """
        id,
        kind,
        subject,
        recipient,
        status,
        attempts,
        last_error,
        created_at,
        sent_at
        """

    package init(row: inout Row) throws {
        id = try row.next()
        kind = try row.next()
        subject = try row.next()
        recipient = try row.next()
        status = try row.next()
        attempts = try row.next()
        lastError = try row.next()
        createdAt = try row.next()
        sentAt = try row.next()
    }
}

/// Reads the outbox: which messages were queued, and what became of them.
package struct MessageService: Sendable {
    let store: Store

    package init(store: Store) { self.store = store }

    /// A clinic's messages, oldest first.
    /// - Throws: `CalendarError.clinicNotFound`.
    package func messages(
        in clinicID: UUID, status: Message.Status?, _ page: PageRequest
    ) async throws -> Page<Message> {
        // As a literal, by which PostgreSQL finds the index of what was not sent.
        let statusCondition: SQL =
            switch status {
            case .queued: "AND status = 'queued'"
            case .sent: "AND status = 'sent'"
            case .failed: "AND status = 'failed'"
            case nil: .nothing
            }
        return try await store.page(
            page, in: clinicID, by: { Keyset(time: $0.createdAt, id: $0.id) }
        ) { pipeline in
            pipeline.all(
                Message.self,
                """
                SELECT \(fragment: Message.columns)
                FROM outbox
                WHERE clinic_id = \(clinicID)
                    \(fragment: statusCondition)
                    AND (created_at, id) > (\(page.start.time), \(page.start.id))
                ORDER BY created_at, id
                LIMIT \(page.rowsToRead)
                """)
        }
    }
}
