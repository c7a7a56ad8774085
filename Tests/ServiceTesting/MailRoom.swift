import Clinic
import FoundationEssentials
import Mail
import Postgres
import PostgresTesting

/// A courier of the service's clinics, and a look at what it has to do.
package struct MailRoom: Sendable {
    package let service: Service
    private let url: String

    /// - Parameter url: Of the mail server.
    package init(_ service: Service, url: String) {
        self.service = service
        self.url = url
    }

    /// - Parameter patience: With the mail server.
    package func courier(
        patience: SMTPSettings.Patience = SMTPSettings.Patience(),
        _ change: (inout CourierPolicy) -> Void = { _ in }
    ) throws -> Courier {
        var policy = CourierPolicy()
        change(&policy)
        let transport = SMTPTransport(try SMTPSettings(url: url, patience: patience))
        return try Courier(
            store: service.store, transport: transport, sender: "clinic@example.org", policy: policy
        )
    }

    /// What a message has become.
    package struct Entry: RowDecodable, Hashable, Sendable {
        package let kind: String
        package let status: String
        package let attempts: Int
        package let lastError: String?
        /// Milliseconds until it may be tried.
        package let pause: Int
        /// `left@right`, as the mail has it between angle brackets.
        package let messageID: String

        package init(row: inout Row) throws {
            kind = try row.next()
            status = try row.next()
            attempts = try row.next()
            lastError = try row.next()
            pause = try row.next()
            messageID = try row.next()
        }
    }

    /// The outbox, oldest message first.
    package func entries() async throws -> [Entry] {
        try await service.database.owner.read { tx in
            tx.pipeline.all(
                Entry.self,
                """
                SELECT
                    kind,
                    status,
                    attempts,
                    last_error,
                    coalesce(1000 * extract(epoch FROM due_at - clock_timestamp()), 0)::bigint,
                    id || '@holdfast.invalid'
                FROM outbox
                ORDER BY created_at, id
                """)
        }
    }

    /// Ends all pauses and leases, as time would.
    package func makeAllDue() async throws {
        try await service.database.owner.transaction { tx in
            try tx.execute("UPDATE outbox SET due_at = clock_timestamp() WHERE status = 'queued'")
        }
    }
}
