import FoundationEssentials
import Postgres

/// What a message tells, as of the change that queued it.
struct MessageFacts: Hashable, Sendable {
    let clinicName: String
    /// Of whom it is for.
    let name: String
    /// Who made the change.
    let author: String
    let reason: String?
    /// The appointment, where it is about one.
    let visit: Visit?
    /// When a moved appointment was to be, as ``Visit/start`` says it.
    let previousStart: String?
    /// Whether the patient has waited for the appointment and did not book it directly.
    let hasWaited: Bool

    /// An appointment's time and place.
    struct Visit: Hashable, Sendable {
        let practitionerName: String
        let startsAt: Date
        let endsAt: Date
        /// The day and time in the clinic's zone, in words.
        let start: String
        /// The time alone, likewise.
        let end: String
        let timeZone: String
        /// By the database's clock.
        let isOver: Bool
    }

    /// A fact, which this kind of message cannot do without.
    func required<Fact>(_ fact: KeyPath<MessageFacts, Fact?>) throws(MissingFact) -> Fact {
        guard let value = self[keyPath: fact] else { throw MissingFact() }
        return value
    }
}

/// The journal does not hold what a message of that kind says.
struct MissingFact: Error {}

extension Courier {
    /// Reads what a message tells, out of the journal's row of the version that it names.
    ///
    /// PostgreSQL writes the times, because it computes the calendar.
    /// - Throws: ``MissingFact`` if the journal does not hold the change.
    func facts(of message: ClaimedMessage) async throws -> MessageFacts {
        let facts = try await store.read { tx in
            tx.pipeline.optional(
                MessageFacts.self,
                """
                WITH change AS (
                    SELECT
                        journal.object_id,
                        journal.actor,
                        journal.detail,
                        (journal.detail ->> 'starts_at')::timestamptz AS starts_at,
                        (journal.detail ->> 'ends_at')::timestamptz AS ends_at,
                        (journal.detail ->> 'previous_starts_at')::timestamptz AS previous_start
                    FROM journal
                    WHERE clinic_id = \(message.clinicID)
                        AND object_type = split_part(\(message.kind), '.', 1)
                        AND object_id = split_part(\(message.subject), ':', 1)::uuid
                        AND version = split_part(\(message.subject), ':', 2)::bigint
                )
                SELECT
                    clinics.name,
                    coalesce(patients.name, registrations.name, change.detail ->> 'holder'),
                    change.actor,
                    change.detail ->> 'reason',
                    practitioners.name,
                    change.starts_at,
                    change.ends_at,
                    to_char(change.starts_at AT TIME ZONE clinics.time_zone, \(dayAndTime)),
                    to_char(change.ends_at AT TIME ZONE clinics.time_zone, 'HH24:MI'),
                    clinics.time_zone,
                    change.ends_at <= clock_timestamp(),
                    to_char(change.previous_start AT TIME ZONE clinics.time_zone, \(dayAndTime)),
                    change.detail ? 'waitlist_entry_id'
                FROM change
                JOIN clinics ON clinics.id = \(message.clinicID)
                LEFT JOIN registrations
                    ON registrations.clinic_id = \(message.clinicID)
                    AND registrations.id = change.object_id
                LEFT JOIN patients
                    ON patients.clinic_id = \(message.clinicID)
                    AND patients.id = (change.detail ->> 'patient_id')::uuid
                LEFT JOIN practitioners
                    ON practitioners.clinic_id = \(message.clinicID)
                    AND practitioners.id = (change.detail ->> 'practitioner_id')::uuid
                WHERE coalesce(patients.name, registrations.name, change.detail ->> 'holder') IS NOT NULL
                """)
        }
        guard let facts else { throw MissingFact() }
        return facts
    }
}

/// Monday, 2 March 2026, 09:15. Source: PostgreSQL's manual, 9.8.
private let dayAndTime = "FMDay, FMDD FMMonth YYYY, HH24:MI"

extension MessageFacts: RowDecodable {
    init(row: inout Row) throws {
        clinicName = try row.next()
        name = try row.next()
        author = try row.next()
        reason = try row.next()
        visit = try Visit(row: &row)
        previousStart = try row.next()
        hasWaited = try row.next()
    }
}

extension MessageFacts.Visit {
    /// Nil where the journal's row is about no appointment.
    fileprivate init?(row: inout Row) throws {
        let practitionerName: String? = try row.next()
        let startsAt: Date? = try row.next()
        let endsAt: Date? = try row.next()
        let start: String? = try row.next()
        let end: String? = try row.next()
        let timeZone: String = try row.next()
        let isOver: Bool? = try row.next()
        guard let practitionerName, let startsAt, let endsAt, let start, let end else { return nil }
        self.init(
            practitionerName: practitionerName, startsAt: startsAt, endsAt: endsAt, start: start,
            end: end, timeZone: timeZone, isOver: isOver ?? false)
    }
}
