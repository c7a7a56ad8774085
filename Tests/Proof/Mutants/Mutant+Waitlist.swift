import PostgresTesting

extension Mutant {
    static let waitlist = [
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
                "the lock on those who are next",
                .init("WITH next AS MATERIALIZED", "FOR UPDATE")),
            by: "cancel, cancel where one waits for either seat"),
        Mutant(
            .init(
                "the lock on the slots that somebody joins for",
                .init("wanted AS MATERIALIZED", "FOR UPDATE")),
            by: "book, join the waitlist for what is free"),
        Mutant(
            .init(
                "the lock on the entry that is withdrawn",
                .init("AND patient_id = coalesce(", "(FROM waitlist .*)FOR UPDATE", #"\1"#)),
            by: "cancel where somebody waits, who withdraws"),
        Mutant(
            .init(
                "the lock on the slots whose hold is over",
                .init("LIMIT 100 FOR UPDATE", "FOR UPDATE SKIP LOCKED")),
            by: "book, the slot whose hold is over is given away"),
    ]

    static let timeOff = [
        Mutant(
            .init(
                "the lock on the practitioner whose calendar is added to",
                .init("FROM practitioners", "ORDER BY id FOR NO KEY UPDATE")),
            by: "make a slot, arrange time off"),
        Mutant(
            .init(
                "the lock on the practitioner who comes back",
                .init("FROM time_off", "FOR NO KEY UPDATE")),
            by: "make a slot, end the time off that it lies in"),
        Mutant(
            .init(
                "the lock on the practitioner whose slot is changed",
                .init("FROM practitioners", "FOR SHARE")),
            by: "move a slot, arrange time off where it goes"),
        Mutant(
            .init(
                "the lock on the slots that lie in time off",
                .init("interval '24 hours'", "ORDER BY id FOR UPDATE")),
            by: "book, arrange time off", "cancel, arrange time off"),
    ]
}
