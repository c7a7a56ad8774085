/// A place where the sources take a lock or ask for a version, or the tables have a constraint that no single
/// row can break; and what shows that it is needed.
package struct DefencePlace: Sendable, Comparable {
    /// The file's name.
    package let file: String
    /// What it says there.
    package let words: String
    /// The mutant that the proof notices, or why there is none.
    package let shownBy: Evidence

    package enum Evidence: Sendable {
        case mutant(String)
        /// Words for those who read on.
        case otherwise(String)
    }

    private init(_ file: String, _ words: String, _ shownBy: Evidence) {
        self.file = file
        self.words = words
        self.shownBy = shownBy
    }

    package static func == (first: Self, second: Self) -> Bool { first.key == second.key }
    package static func < (first: Self, second: Self) -> Bool { first.key < second.key }

    /// As the sources are searched.
    package var key: String { "\(file): \(words)" }

    /// All of them.
    package static let all = locks + turns + versions + constraints

    private static let locks = [
        place(
            "Pipeline+BookingLocks", "FOR UPDATE",
            "the lock on the slots that are booked, held and changed"),
        place(
            "Pipeline+BookingLocks", "FOR SHARE OF offline_locks",
            "the row of the lock under which is booked"),
        place(
            "Pipeline+BookingLocks", "FOR SHARE OF offline_locks SKIP LOCKED",
            "the row of the lock under which is booked"),
        place(
            "AppointmentInHand", "FOR UPDATE",
            "the lock on the slots of a cancellation or a move"),
        place(
            "AppointmentInHand", "FOR UPDATE",
            "the lock on the appointment that is cancelled or moved"),
        place(
            "WaitlistService+Join", "FOR UPDATE",
            "the lock on the slots that somebody joins for"),
        place("WaitlistService", "FOR UPDATE", "the lock on the entry that is withdrawn"),
        place(
            "WaitlistService+Expiry", "FOR UPDATE SKIP LOCKED",
            "the lock on the slots whose hold is over"),
        place("Transaction+Promotion", "FOR UPDATE", "the lock on those who are next"),
        place(
            "Pipeline+Wishes", "FOR UPDATE",
            because:
                "it only keeps a booking and a promotion from waiting for each other, which PostgreSQL "
                + "would end and the store try again: nobody is told anything else"),
        place(
            "TimeOff", "FOR NO KEY UPDATE",
            "the lock on the practitioner whose calendar is added to"),
        place(
            "CalendarService+TimeOff", "FOR NO KEY UPDATE",
            "the lock on the practitioner who comes back"),
        place(
            "CalendarService+TimeOff", "FOR UPDATE",
            "the lock on the slots that lie in time off"),
        place(
            "CalendarService+SlotChanges", "FOR SHARE",
            "the lock on the practitioner whose slot is changed"),
        place(
            "LockClaim", "FOR SHARE OF offline_locks",
            "the row of the lock under which is written"),
        place(
            "OfflineLockService", "FOR UPDATE",
            "the row of the lock that is renewed or released"),
        place(
            "OfflineLockService+Acquire", "FOR UPDATE", "the row of the lock that is taken over"),
        place(
            "OfflineLockService+Expiry", "FOR UPDATE SKIP LOCKED",
            "the rows of the locks that are swept"),
        place(
            "Courier+Claim", "FOR UPDATE SKIP LOCKED",
            because: "the test \"four couriers on 2,000 messages send 2,000\" counts what arrives"),
        place("Housekeeping", "FOR UPDATE SKIP LOCKED", because: sweeping),
        place("Housekeeping", "FOR UPDATE SKIP LOCKED", because: sweeping),
    ]

    private static let sweeping =
        "what is swept is deleted whoever does it; the lock only lets two who sweep share the work"

    private static let turns = [
        place(
            "Pipeline+Idempotency", "pg_advisory_xact_lock", "the turn of an Idempotency-Key"),
        place(
            "Pipeline+Idempotency", "pg_try_advisory_xact_lock",
            "the turn of an Idempotency-Key that a batch tries for"),
        place(
            "Pipeline+WaitlistLock", "pg_advisory_xact_lock_shared",
            "the waitlist's lock of those who free a seat"),
        place(
            "Pipeline+WaitlistLock", "pg_advisory_xact_lock",
            "the waitlist's lock of those who join"),
        place("BookingService+Hold", "pg_advisory_xact_lock", "the turn of a patient's holds"),
        place(
            "OfflineLockService+Acquire", "pg_advisory_xact_lock",
            "the turn of those who lock one record"),
        place(
            "Migrator", "pg_try_advisory_lock",
            because: "the tests of the migrations run several at once, each file once"),
    ]

    private static let versions = [
        place(
            "CalendarService+Changes", "AND version", "the version of a clinic that is renamed"),
        place(
            "CalendarService+Changes", "AND version",
            "the version of a practitioner who is renamed"),
        place(
            "CalendarService+SlotChanges", "AND version", "the version of a slot that is changed"),
        place(
            "CalendarService+SlotChanges", "AND version", "the version of a slot that is deleted"),
        place(
            "RegistrationChange", "AND registrations.version",
            "the version of a registration that is approved"),
        place(
            "BookingService+Status", "AND version",
            "the version of an appointment whose status is written down"),
        place(
            "PatientService+Change", "AND patients.version",
            "the version of a record that is written to"),
        place(
            "RecordTarget", "AND patients.version",
            because:
                "an item is added to what its author has seen; the statement is otherwise that "
                + "of \"the version of a record that is written to\""),
        place(
            "PatientService+Items", "AND item.version",
            "the version of an item that is written to"),
        place(
            "VersionConflict", "AND version",
            because: "it only looks up who has made the change that is told of"),
        place(
            "Courier+Claim", "AND attempts",
            because: "the test \"the word of an attempt whose lease is over counts no more, "
                + "whoever comes first\""),
    ]

    private static let constraints =
        [
            "slot_no_overlap", "patient_one_per_email", "appointment_one_per_seat",
            "appointment_patient_no_overlap", "journal_one_per_version",
            "registration_one_pending_per_email", "offline_lock_one_per_target",
        ].map { place("migrations", $0, "`\($0)`") } + [
            place(
                "migrations", "outbox_once",
                because:
                    "whoever would queue a version's message twice writes that version into the journal "
                    + "twice, and `journal_one_per_version` is asked first")
        ]

    private static func place(_ file: String, _ words: String, _ mutant: String) -> DefencePlace {
        DefencePlace(file, words, .mutant(mutant))
    }

    private static func place(
        _ file: String, _ words: String, because reason: String
    ) -> DefencePlace {
        DefencePlace(file, words, .otherwise(reason))
    }
}
