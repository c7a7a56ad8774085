import FoundationEssentials
import Postgres

extension Pipeline {
    /// Queues the wait for a request of the same key that is in progress.
    func awaitTurn(for key: IdempotencyKey) {
        execute(
            """
            SELECT pg_advisory_xact_lock(\(fragment: [IdempotencyKey].turn))
            FROM \(fragment: [key].table)
            """)
    }

    /// Queues an attempt at the turn of each key, and then a look for an answer under it, without waiting
    /// for anybody.
    /// - Returns: Which of the keys have nobody else in progress and no answer yet, in their order.
    func tryTurns(for keys: [IdempotencyKey]) -> Pending<[Bool]> {
        guard !keys.isEmpty else { return Pending { [] } }
        let turns = all(
            Scalar<Bool>.self,
            """
            SELECT pg_try_advisory_xact_lock(\(fragment: [IdempotencyKey].turn))
            FROM \(fragment: keys.table)
            ORDER BY asked.place
            """)
        // Behind the turns: what others have stored before they ended is seen.
        let answered = all(
            Scalar<Bool>.self,
            """
            SELECT EXISTS (
                SELECT
                FROM idempotency_keys AS stored
                WHERE stored.clinic_id = asked.clinic_id
                    AND stored.subject = asked.subject
                    AND stored.key = asked.key
                    AND stored.created_at > clock_timestamp() - interval '24 hours'
            )
            FROM \(fragment: keys.table)
            ORDER BY asked.place
            """)
        return turns.map { turns in
            zip(turns, try answered.get()).map { $0.value && !$1.value }
        }
    }

    /// Queues the keeping of answers; those that tell of an appointment only if it was made.
    func keep(_ answers: [KeptAnswer]) {
        guard !answers.isEmpty else { return }
        execute(
            """
            INSERT INTO idempotency_keys (
                clinic_id, subject, key, fingerprint, status, body, location, etag
            )
            SELECT
                asked.clinic_id,
                asked.subject,
                asked.key,
                asked.fingerprint,
                kept.status,
                kept.body,
                kept.location,
                kept.etag
            FROM \(fragment: answers.map(\.key).table)
            JOIN unnest(
                \(answers.map(\.answer.status)),
                \(answers.map(\.answer.body)),
                \(answers.map(\.answer.location)),
                \(answers.map(\.answer.etag)),
                \(answers.map(\.appointmentID))
            ) WITH ORDINALITY AS kept (status, body, location, etag, appointment_id, place)
                USING (place)
            WHERE kept.appointment_id IS NULL OR EXISTS (
                SELECT
                FROM appointments
                WHERE appointments.clinic_id = asked.clinic_id
                    AND appointments.id = kept.appointment_id
            )
            ORDER BY asked.subject, asked.key
            ON CONFLICT (clinic_id, subject, key) DO UPDATE
            SET fingerprint = excluded.fingerprint,
                status = excluded.status,
                body = excluded.body,
                location = excluded.location,
                etag = excluded.etag,
                created_at = excluded.created_at,
                replays = 0
            """)
    }
}

extension Transaction {
    /// The answer under a key that is not too old. Its row is written once more: a synchronous standby
    /// that has this commit has the first one, too.
    func replay(_ key: IdempotencyKey) throws -> FoundAnswer? {
        try optional(
            FoundAnswer.self,
            """
            UPDATE idempotency_keys AS stored
            SET replays = replays + 1
            FROM \(fragment: [key].table)
            WHERE stored.clinic_id = asked.clinic_id
                AND stored.subject = asked.subject
                AND stored.key = asked.key
                AND stored.created_at > statement_timestamp() - interval '24 hours'
            RETURNING
                stored.status,
                stored.body,
                stored.location,
                stored.etag,
                stored.fingerprint = asked.fingerprint
            """)
    }
}
