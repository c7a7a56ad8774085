import FoundationEssentials
import Postgres

extension Invariant {
    /// That nobody shares a record's lock.
    static let records = [
        Invariant(number: 8, rule: "A target has one lock at the most.") {
            """
            SELECT object_type || ' ' || object_id
            FROM offline_lock_targets
            WHERE clinic_id = \($0)
            GROUP BY object_type, object_id
            HAVING count(*) > 1
            """
        },
        Invariant(number: 8, rule: "A lock's number is the highest that its targets ever had.") {
            """
            SELECT 'lock ' || offline_locks.token || ', number ' || offline_locks.fencing_token
            FROM offline_locks
            LEFT JOIN offline_lock_targets AS target
                ON target.clinic_id = \($0) AND target.token = offline_locks.token
            LEFT JOIN (
                SELECT
                    granted ->> 'type' AS type,
                    granted ->> 'id' AS id,
                    max((journal.detail ->> 'fencing_token')::bigint) AS number
                FROM journal
                CROSS JOIN jsonb_array_elements(journal.detail -> 'targets') AS granted
                WHERE journal.clinic_id = \($0) AND journal.action = 'lock.acquired'
                GROUP BY 1, 2
            ) AS highest
                ON highest.type = target.object_type AND highest.id = target.object_id::text
            WHERE offline_locks.clinic_id = \($0)
                AND highest.number IS DISTINCT FROM offline_locks.fencing_token
            """
        },
    ]
}
