import FoundationEssentials
import Postgres

extension Pipeline {
    /// Queues everything that a batch's winners write: appointments, slots, journal, outbox.
    ///
    /// One statement, so that what is written behind an appointment is written for those that were
    /// really inserted: a patient who got another appointment for that time since the reading is
    /// left out by `ON CONFLICT`, which also keeps two transactions that insert crosswise from
    /// deadlocking. Seats are covered by the slots' locks, so a conflict there is an error.
    /// - Parameter now: When they are made, by the database's clock; nil: when the statement runs.
    /// - Returns: Which of them were made.
    func write(_ winners: [Booking], at now: Date?, in clinicID: UUID) -> Pending<Set<UUID>> {
        all(
            Scalar<UUID>.self,
            """
            WITH winner AS (
                SELECT *, row_number() OVER (PARTITION BY slot_id ORDER BY place) AS turn
                FROM unnest(
                    \(winners.map(\.id)),
                    \(winners.map(\.appointmentEntryID)),
                    \(winners.map(\.slotEntryID)),
                    \(winners.map(\.messageID)),
                    \(winners.map(\.request.slotID)),
                    \(winners.map(\.request.patientID)),
                    \(winners.map(\.request.reason)),
                    \(winners.map(\.request.author.subject)),
                    \(winners.map(\.request.author.requestID)),
                    \(winners.map(\.wish))
                ) WITH ORDINALITY AS winner (
                    id,
                    appointment_entry_id,
                    slot_entry_id,
                    message_id,
                    slot_id,
                    patient_id,
                    reason,
                    actor,
                    request_id,
                    wish,
                    place
                )
            ),
            booked AS (
                INSERT INTO appointments (
                    clinic_id,
                    id,
                    slot_id,
                    seat,
                    practitioner_id,
                    patient_id,
                    starts_at,
                    ends_at,
                    reason,
                    created_at
                )
                SELECT
                    \(clinicID),
                    winner.id,
                    winner.slot_id,
                    CASE
                        WHEN slots.capacity = 1 THEN 1
                        ELSE \(fragment: Appointment.freeSeat(in: clinicID, behind: "winner.turn - 1"))
                    END,
                    slots.practitioner_id,
                    winner.patient_id,
                    slots.starts_at,
                    slots.ends_at,
                    winner.reason,
                    coalesce(\(now), clock_timestamp())
                FROM winner
                JOIN slots ON slots.clinic_id = \(clinicID) AND slots.id = winner.slot_id
                ORDER BY winner.patient_id
                ON CONFLICT ON CONSTRAINT appointment_patient_no_overlap DO NOTHING
                RETURNING *
            ),
            seats AS (
                SELECT slot_id, count(*) AS count
                FROM booked
                GROUP BY slot_id
            ),
            filled AS (
                UPDATE slots
                SET booked = slots.booked + seats.count,
                    \(fragment: SlotHold.ended),
                    version = slots.version + seats.count
                FROM seats
                WHERE slots.clinic_id = \(clinicID) AND slots.id = seats.slot_id
                RETURNING slots.id, slots.version - seats.count AS version_before
            ),
            change AS (
                SELECT
                    winner.*,
                    booked.practitioner_id,
                    booked.starts_at,
                    booked.ends_at,
                    booked.version,
                    filled.version_before
                        + row_number() OVER (PARTITION BY winner.slot_id ORDER BY winner.place)
                        AS slot_version
                FROM booked
                JOIN winner USING (id)
                JOIN filled ON filled.id = booked.slot_id
            ),
            recorded AS (
                INSERT INTO journal (\(fragment: JournalEntry.columns))
                SELECT
                    \(clinicID),
                    appointment_entry_id,
                    'appointment',
                    id,
                    version,
                    actor,
                    'appointment.booked',
                    request_id,
                    jsonb_strip_nulls(jsonb_build_object(
                        'slot_id', slot_id,
                        'practitioner_id', practitioner_id,
                        'patient_id', patient_id,
                        'starts_at', starts_at,
                        'ends_at', ends_at,
                        'waitlist_entry_id', wish
                    ))
                FROM change
                UNION ALL
                SELECT
                    \(clinicID),
                    slot_entry_id,
                    'slot',
                    slot_id,
                    slot_version,
                    actor,
                    'slot.booked',
                    request_id,
                    jsonb_build_object('appointment_id', id)
                FROM change
            ),
            queued AS (
                INSERT INTO outbox (\(fragment: OutboxEntry.columns))
                SELECT
                    \(clinicID),
                    \(MessageKind.appointmentBooked),
                    change.id || ':' || change.version,
                    change.message_id,
                    patients.email,
                    \(fragment: OutboxEntry.state(to: "patients.email"))
                FROM change
                JOIN patients
                    ON patients.clinic_id = \(clinicID) AND patients.id = change.patient_id
            )
            SELECT id
            FROM booked
            """
        ).map { Set($0.map(\.value)) }
    }

    /// Queues the question which of several appointments were made.
    func made(_ ids: [UUID], in clinicID: UUID) -> Pending<Set<UUID>> {
        all(
            Scalar<UUID>.self,
            """
            SELECT id
            FROM appointments
            WHERE clinic_id = \(clinicID) AND id = ANY(\(ids))
            """
        ).map { Set($0.map(\.value)) }
    }
}

extension Appointment {
    /// The free seat with the lowest number of a table called `slots`, leaving some to others.
    /// - Parameter others: How many.
    static func freeSeat(in clinicID: UUID, behind others: SQL = "0") -> SQL {
        """
        (
            SELECT seat
            FROM generate_series(1, slots.capacity) AS seat
            WHERE NOT EXISTS (
                SELECT
                FROM appointments
                WHERE appointments.clinic_id = \(clinicID)
                    AND appointments.occupied_slot_id = slots.id
                    AND appointments.seat = seat.seat
            )
            ORDER BY seat
            OFFSET \(fragment: others)
            LIMIT 1
        )
        """
    }
}
