import PostgresTesting

extension Mutant {
    /// Every mutant.
    package static let all =
        booking + holds + waitlist + calendar + timeOff + administration + locks + settlement

    private static let booking = [
        Mutant(
            slotLock, by: "book, book", "book, hold", "hold, hold"),
        Mutant(
            .init(
                "the lock on the slots of a cancellation or a move",
                .init("id = ANY(ARRAY(", "FOR UPDATE")),
            by: "book, cancel", "move, move to one slot"),
        Mutant(
            .init(
                "the lock on the appointment that is cancelled or moved",
                .init("AND patient_id = coalesce(", "(FROM appointments .*)FOR UPDATE", #"\1"#)),
            by: "cancel, write down that the patient has come"),
        Mutant(
            .constraint("appointment_one_per_seat", on: "appointments"),
            second: slotLock,
            by: "book, book"),
        Mutant(
            .constraint("slot_booked_within_capacity", on: "slots"),
            second: .init(
                "the lock on the slots that are booked, and `appointment_one_per_seat`",
                .init("id = ANY($", "ORDER BY id FOR UPDATE( SKIP LOCKED)?", "ORDER BY id"),
                scripts: ["ALTER TABLE appointments DROP CONSTRAINT appointment_one_per_seat"]),
            by: "book, book"),
        Mutant(
            .blunt("appointment_patient_no_overlap", on: "appointments"),
            by: "book, book: one patient, two slots at one time"),
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
            second: slotLock,
            by: "book, hold"),
        Mutant(
            .init(
                "the turn of an Idempotency-Key",
                .init("AS asked", #"pg_advisory_xact_lock\("#, "abs(")),
            by: "make a practitioner, make her with one key"),
        Mutant(
            .init(
                "the turn of an Idempotency-Key that a batch tries for",
                .init("AS asked", #"pg_try_advisory_xact_lock\("#, "0 <= abs(")),
            second: keyRecord, by: "book, book with one key"),
        Mutant(
            keyRecord, by: "book, book with one key", "cancel, cancel with one key"),
    ]

    private static let holds = [
        Mutant(
            .init(
                "the clock behind the lock of a booking",
                .init("AS request (slot_id", #"clock_timestamp\(\)"#, "now()")),
            by: "book, the hold's time passes"),
        Mutant(
            .init(
                "the turn of a patient's holds",
                .init("'holds '", "pg_advisory_xact_lock", "abs")),
            by: "hold, hold: 20 are all that a patient may have, and 19 are there"),
    ]

    private static let calendar = [
        Mutant(
            .init(
                "the version of a slot that is changed",
                .version(in: "UPDATE slots SET starts_at")),
            by: "change a slot, change it otherwise", "book, block"),
        Mutant(
            .init(
                "the version of a slot that is deleted",
                .version(in: "DELETE FROM slots")),
            by: "change a slot, delete it"),
        Mutant(
            .init("the version of a clinic that is renamed", .version(in: "UPDATE clinics")),
            by: "rename the clinic, rename it otherwise"),
        Mutant(
            .init(
                "the version of a practitioner who is renamed",
                .version(in: "UPDATE practitioners")),
            by: "rename a practitioner, rename her otherwise"),
        Mutant(
            .blunt("slot_no_overlap", on: "slots"),
            by: "make a slot, make one that overlaps it"),
    ]

    private static let administration = [
        Mutant(
            .init(
                "the version of a registration that is claimed",
                .version(in: "SET status = 'in_review'")),
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
                .version(in: "'approved', decided_by"),
                .version(in: "INSERT INTO patients")),
            second: .init(
                "that it is undecided",
                .init("'approved', decided_by", undecided, "true"),
                .init("INSERT INTO patients", undecided, "true")),
            by: "approve, approve"),
        Mutant(
            .init(
                "the version of a registration that is rejected",
                .version(in: "SET status = 'rejected'")),
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

    private static let slotLock = Defence(
        "the lock on the slots that are booked, held and changed",
        .init("id = ANY($", "ORDER BY id FOR UPDATE( SKIP LOCKED)?", "ORDER BY id"))
    private static let keyRecord = Defence(
        "the record of an Idempotency-Key",
        .init("INSERT INTO idempotency_keys", "ON CONFLICT", "LIMIT 0 ON CONFLICT"))
    private static let undecided = #"registrations\.status IN \('pending', 'in_review'\)"#
}

extension Tampering.Statement {
    /// What the author has seen of a row does not matter.
    static func version(in mark: String) -> Self {
        .init(mark, #"AND (?:\w+\.)?version = (\$\d+)"#, #"AND \1 > 0"#)
    }
}

extension Mutant.Defence {
    static func constraint(_ name: String, on table: String) -> Self {
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
