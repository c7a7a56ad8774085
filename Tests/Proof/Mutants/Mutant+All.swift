import PostgresTesting

extension Mutant {
    /// Every mutant.
    package static let all = booking + waitlist + calendar + administration + locks + settlement

    private static let booking = [
        Mutant(
            .init(
                "the lock on the slots that are booked, held and changed",
                .init("id = ANY($", "ORDER BY id FOR UPDATE( SKIP LOCKED)?", "ORDER BY id")),
            by: "book, book", "book, hold", "hold, hold"),
        Mutant(
            .init(
                "the lock on the slots of a cancellation or a move",
                .init("id = ANY(ARRAY(", "FOR UPDATE")),
            by: "book, cancel", "move, move to one slot"),
        Mutant(
            .init(
                "the lock on the appointment that is cancelled or moved",
                .init("AND patient_id = coalesce(", "FOR UPDATE")),
            by: "cancel, write down that the patient has come"),
        Mutant(
            .init(
                "the clock behind the lock of a booking",
                .init("AS request (slot_id", #"clock_timestamp\(\)"#, "now()")),
            by: "book, the hold's time passes"),
        Mutant(
            .constraint("appointment_one_per_seat", on: "appointments"),
            second: .init(
                "the lock on the slots that are booked",
                .init("id = ANY($", "ORDER BY id FOR UPDATE( SKIP LOCKED)?", "ORDER BY id")),
            by: "book, book"),
        Mutant(
            .blunt("appointment_patient_no_overlap", on: "appointments"),
            by: "book, book: one patient, two slots at one time"),
        Mutant(
            .init(
                "the turn of a patient's holds",
                .init("'holds '", "pg_advisory_xact_lock", "abs")),
            by: "hold, hold: 20 are all that a patient may have, and 19 are there"),
        Mutant(
            .init(
                "the version of an appointment whose status is written down",
                .init(
                    "UPDATE appointments SET status = $",
                    #"AND version = coalesce\((\$\d+), version\)"#,
                    #"AND coalesce(\1, version) > 0"#)),
            by: "move, write down that the patient has come"),
        Mutant(
            .constraint("journal_one_per_version", on: "journal"),
            second: .init(
                "the lock on the slots that are booked and held",
                .init("id = ANY($", "ORDER BY id FOR UPDATE( SKIP LOCKED)?", "ORDER BY id")),
            by: "book, hold"),
        Mutant(
            .init(
                "the turn of an Idempotency-Key",
                .init("AS asked", #"pg_advisory_xact_lock\("#, "abs(")),
            by: "make a practitioner, make her with one key"),
        Mutant(
            .init(
                "the record of an Idempotency-Key",
                .init("INSERT INTO idempotency_keys", "ON CONFLICT", "LIMIT 0 ON CONFLICT")),
            by: "book, book with one key", "cancel, cancel with one key"),
    ]

    private static let waitlist = [
        Mutant(
            .init(
                "the waitlist's lock of those who free a seat",
                .init("xact_lock_shared", "pg_advisory_xact_lock_shared", "abs")),
            by: "cancel, join the waitlist"),
        Mutant(
            .init(
                "the waitlist's lock of those who join",
                .init("'waitlist '", #"pg_advisory_xact_lock\("#, "abs(")),
            by: "cancel, join the waitlist"),
        Mutant(
            .init(
                "the lock on those who wait",
                .init("FROM waitlist", "FOR UPDATE")),
            by: "cancel, cancel where one waits for either seat"),
    ]

    private static let calendar = [
        Mutant(
            .init(
                "the version of a slot that is changed",
                .init("UPDATE slots SET starts_at", #"AND version = \$(\d+)"#, #"AND $\1 > 0"#)),
            by: "change a slot, change it otherwise", "book, block"),
        Mutant(
            .init(
                "the version of a slot that is deleted",
                .init("DELETE FROM slots", #"AND version = \$(\d+)"#, #"AND $\1 > 0"#)),
            by: "change a slot, delete it"),
        Mutant(
            .init(
                "the version of a practitioner who is renamed",
                .init("UPDATE practitioners", #"AND version = \$(\d+)"#, #"AND $\1 > 0"#)),
            by: "rename a practitioner, rename her otherwise"),
        Mutant(
            .blunt("slot_no_overlap", on: "slots"),
            by: "make a slot, make one that overlaps it"),
        Mutant(
            .init(
                "the lock on the practitioner whose calendar changes",
                .init("FROM practitioners", "FOR NO KEY UPDATE")),
            by: "make a slot, arrange time off"),
        Mutant(
            .init(
                "the lock on the slots that lie in time off",
                .init("interval '24 hours'", "ORDER BY id FOR UPDATE")),
            by: "book, arrange time off", "cancel, arrange time off"),
    ]

    private static let administration = [
        Mutant(
            .init(
                "the version of a registration that is claimed",
                .init("SET status = 'in_review'", version, versionInstead)),
            second: .init(
                "that nobody else has it",
                .init(
                    "SET status = 'in_review'",
                    #"AND coalesce\(registrations.assigned_to, (\$\d+)\) = \$\d+"#,
                    #"AND \1 IS NOT NULL"#)),
            by: "claim, claim"),
        Mutant(
            .init(
                "the version of a registration that is approved",
                .init("'approved', decided_by", version, versionInstead),
                .init("INSERT INTO patients", version, versionInstead)),
            second: .init(
                "that it is undecided",
                .init("'approved', decided_by", undecided, "true"),
                .init("INSERT INTO patients", undecided, "true")),
            by: "approve, approve"),
        Mutant(
            .init(
                "the version of a registration that is rejected",
                .init("SET status = 'rejected'", version, versionInstead)),
            second: .init(
                "that it is undecided", .init("SET status = 'rejected'", undecided, "true")),
            by: "approve, reject"),
        Mutant(
            .index("registration_one_pending_per_email", namedBy: "INSERT INTO registrations"),
            by: "register, register with one address"),
        Mutant(
            .index("patient_one_per_email", namedBy: "INSERT INTO patients"),
            by: "approve, admit with one address"),
        Mutant(
            .init(
                "the tested columns of an edit",
                .init(
                    "IS NOT DISTINCT FROM", #"comments IS NOT DISTINCT FROM"#,
                    "'' IS DISTINCT FROM")),
            by: "write a comment where there is none, likewise"),
    ]

    private static let version = #"registrations\.version = \$(\d+)"#
    private static let versionInstead = #"$\1 > 0"#
    private static let undecided = #"registrations\.status IN \('pending', 'in_review'\)"#
}

extension Mutant.Defence {
    fileprivate static func constraint(_ name: String, on table: String) -> Self {
        .init("`\(name)`", scripts: ["ALTER TABLE \(table) DROP CONSTRAINT \(name)"])
    }

    /// An exclusion constraint that statements name: one of that name stays, and excludes nothing.
    fileprivate static func blunt(_ name: String, on table: String) -> Self {
        .init(
            "`\(name)`",
            scripts: [
                """
                ALTER TABLE \(table)
                    DROP CONSTRAINT \(name),
                    ADD CONSTRAINT \(name) EXCLUDE USING gist (clinic_id WITH =, id WITH =)
                """
            ])
    }

    /// A unique index by which an insert steps back: it does not any more.
    fileprivate static func index(_ name: String, namedBy insert: String) -> Self {
        .init(
            "`\(name)`", .init(insert, "ON CONFLICT .* DO NOTHING"),
            scripts: ["DROP INDEX \(name)"])
    }
}
