import PostgresTesting

extension Mutant {
    static let locks = [
        Mutant(turn, by: "lock, lock one record"),
        Mutant(
            .constraint("offline_lock_one_per_target", on: "offline_lock_targets"),
            second: turn, by: "lock, lock one record"),
        Mutant(
            .init(
                "the version of a record that is written to",
                .version(in: "UPDATE patients")),
            by: "write, write of what both have seen, under one lock"),
        Mutant(
            .init(
                "the version of an item that is written to",
                .version(in: "AS item SET")),
            by: "write to a prescription, write to it otherwise"),
        Mutant(
            .init(
                "the row of the lock that is renewed or released",
                .init("SELECT FROM offline_locks WHERE clinic_id = $1 AND token = $2", "FOR UPDATE")
            ),
            by: "release, release by force"),
        Mutant(
            .init(
                "the rows of the locks that are swept",
                .init("<> 'keep' ORDER BY token LIMIT", "FOR UPDATE SKIP LOCKED")),
            by: "the lock is over and ended by two"),
        Mutant(
            .init(
                "the row of the lock that is taken over",
                .init("ORDER BY token FOR UPDATE", "FOR UPDATE")),
            by: "renew, take over just when its time is over"),
        Mutant(
            .init(
                "the row of the lock under which is written",
                .init("JOIN offline_locks USING", "FOR SHARE OF offline_locks")),
            second: .policy("without its row", replacing: "FOR SHARE OF lock", with: ""),
            by: "write, the lock's time passes, take over"),
        Mutant(
            .init(
                "the row of the lock under which is booked",
                .init("AS claim (booking_id", "FOR SHARE OF offline_locks( SKIP LOCKED)?")),
            by: "book under a lock, release it by force"),
        Mutant(
            .init(
                "that the lock under which is written lives",
                .init(
                    "FOR SHARE OF offline_locks",
                    #"AND offline_locks\.expires_at > clock_timestamp\(\)"#)),
            second: .policy(
                "without its time", replacing: "AND lock.expires_at > statement_timestamp()",
                with: ""),
            by: "write, the lock's time passes, take over"),
    ]

    private static let turn = Defence(
        "the turn of those who lock one record",
        .init("'offline lock '", "pg_advisory_xact_lock", "abs"))

    static let settlement = [
        Mutant(
            .init(
                "the marker of a change",
                .init("INSERT INTO markers", "^.* 1\\)$", "SELECT $1::uuid, $2::uuid")),
            by: "POST appointments, cut"),
        Mutant(
            .init(
                "the record of an Idempotency-Key, where the answer is lost",
                .init("INSERT INTO idempotency_keys", "ON CONFLICT", "LIMIT 0 ON CONFLICT")),
            by: "POST practitioners with a key, cut"),
        Mutant(
            .init("the tag of `COMMIT`", tags: ["ROLLBACK": "COMMIT"]),
            by: "COMMIT is answered ROLLBACK"),
        Mutant(
            .init("the warning that comes with `COMMIT`", dropsWarnings: true),
            by: "the wait for the standby is given up behind COMMIT"),
    ]
}

extension Mutant.Defence {
    /// What the policies of the records ask.
    fileprivate static func policy(
        _ name: String, replacing part: String, with instead: String
    ) -> Self {
        .init(
            "`record_is_locked` \(name)",
            scripts: [
                """
                DO $$ BEGIN EXECUTE replace(
                    pg_get_functiondef('record_is_locked'::regproc), '\(part)', '\(instead)'
                ); END $$
                """
            ])
    }
}
