import FoundationEssentials
import Postgres

extension Courier {
    /// The clinics that have a message due.
    func clinicsWithMail() async throws -> [UUID] {
        try await store.read { tx in
            tx.pipeline.all(
                Scalar<UUID>.self,
                """
                SELECT id
                FROM clinics
                WHERE EXISTS (
                    SELECT
                    FROM outbox
                    WHERE outbox.clinic_id = clinics.id
                        AND \(fragment: Self.isDue)
                )
                """)
        }.map(\.value)
    }

    /// Takes the message that has been due for longest, for one attempt.
    ///
    /// The attempt's lease is in the row: until `due_at` nobody else finds the message due. Couriers
    /// who look at once step over each other's rows.
    /// - Returns: Nil if nothing is due.
    func claim(in clinicID: UUID) async throws -> ClaimedMessage? {
        try await store.database.write { [policy] tx in
            tx.pipeline.optional(
                ClaimedMessage.self,
                """
                WITH due AS (
                    SELECT kind, subject
                    FROM outbox
                    WHERE clinic_id = \(clinicID) AND \(fragment: Self.isDue)
                    ORDER BY due_at
                    LIMIT 1
                    FOR UPDATE SKIP LOCKED
                )
                UPDATE outbox
                SET attempts = outbox.attempts + 1,
                    due_at = statement_timestamp()
                        + \(policy.lease.milliseconds) * interval '1 millisecond'
                FROM due
                WHERE outbox.clinic_id = \(clinicID)
                    AND outbox.kind = due.kind
                    AND outbox.subject = due.subject
                RETURNING \(fragment: ClaimedMessage.columns)
                """)
        }
    }

    /// To be tried now. A kind that a newer service queues is left to a newer courier. The
    /// statement's time, unlike the clock's, can be looked up in the index.
    private static let isDue: SQL = """
        outbox.status = 'queued'
        AND outbox.due_at <= statement_timestamp()
        AND outbox.kind = ANY(\(MessageKind.allCases))
        """
}

extension Courier {
    /// Writes down what became of an attempt.
    ///
    /// Cancellation does not keep it from being written, and only the database's being away can put
    /// it off: a message that was accepted is to be sent again only if nobody lives who knows it.
    /// - Returns: Whether the attempt still had the message; if not, nothing was written.
    func note(_ fate: Fate, of message: ClaimedMessage) async throws -> Bool {
        let change: SQL =
            switch fate {
            case .sent: "status = 'sent', sent_at = statement_timestamp(), last_error = NULL"
            case .failed(let words): "status = 'failed', last_error = \(words)"
            case .putOff(let words):
                """
                due_at = statement_timestamp()
                    + \(policy.pause(afterAttempt: message.attempt).milliseconds)
                    * interval '1 millisecond',
                last_error = \(words)
                """
            }
        return try await store.database.write(TransactionOptions(isCancellable: false)) { tx in
            tx.pipeline.execute(
                """
                UPDATE outbox
                SET \(fragment: change)
                WHERE clinic_id = \(message.clinicID)
                    AND kind = \(message.kind)
                    AND subject = \(message.subject)
                    AND attempts = \(message.attempt)
                    AND status = 'queued'
                """)
        } == 1
    }
}

extension Duration {
    /// Whole milliseconds.
    fileprivate var milliseconds: Int {
        Int(self / .milliseconds(1))
    }
}
