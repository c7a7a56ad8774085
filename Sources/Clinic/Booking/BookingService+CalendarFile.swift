import FoundationEssentials
import Postgres

extension BookingService {
    /// Appointments at the most in one practitioner's calendar.
    private static let limit = 10_000

    /// An appointment as an iCalendar file.
    /// - Parameter patientID: Only if it is this patient's.
    /// - Throws: `appointmentNotFound`.
    package func calendarFile(
        of id: UUID, in clinicID: UUID, patient patientID: UUID?
    ) async throws -> String {
        let entry = try await store.read { tx in
            tx.pipeline.optional(
                CalendarEntry.self,
                CalendarEntry.query(
                    """
                    SELECT *
                    FROM appointments
                    WHERE clinic_id = \(clinicID)
                        AND id = \(id)
                        AND patient_id = coalesce(\(patientID), patient_id)
                    """, in: clinicID))
        }
        guard let entry else { throw AppointmentError.appointmentNotFound }
        return ICalendar(events: [
            entry.event("Appointment with \(entry.practitionerName)")
        ]).text
    }

    /// A practitioner's appointments as an iCalendar file, the cancelled ones included, so that programs
    /// that have them take them out.
    /// - Parameters:
    ///   - from: Only what starts at this instant or later; nil: 30 days ago.
    ///   - to: Only what starts before this instant; nil: in 366 days.
    /// - Throws: `CalendarError.practitionerNotFound`; ``InvalidInput`` for more than 10,000 appointments.
    package func calendarFile(
        ofPractitioner id: UUID, in clinicID: UUID, from: Date?, to: Date?
    ) async throws -> String {
        let (entries, practitioner) = try await store.read { tx in
            let entries = tx.pipeline.all(
                CalendarEntry.self,
                CalendarEntry.query(
                    """
                    WITH span AS MATERIALIZED (
                        SELECT
                            coalesce(\(from), clock_timestamp() - interval '30 days') AS start,
                            coalesce(\(to), clock_timestamp() + interval '366 days') AS end
                    )
                    (
                        SELECT appointments.*
                        FROM span
                        JOIN slots
                            ON slots.clinic_id = \(clinicID)
                            AND slots.practitioner_id = \(id)
                            AND slots.starts_at >= span.start
                            AND slots.starts_at < span.end
                        JOIN appointments
                            ON appointments.clinic_id = \(clinicID)
                            AND appointments.occupied_slot_id = slots.id
                        UNION ALL
                        SELECT appointments.*
                        FROM span
                        JOIN appointments
                            ON appointments.clinic_id = \(clinicID)
                            AND appointments.practitioner_id = \(id)
                            AND appointments.status = 'cancelled'
                            AND appointments.starts_at >= span.start
                            AND appointments.starts_at < span.end
                    )
                    ORDER BY starts_at, id
                    LIMIT \(Self.limit + 1)
                    """, in: clinicID))
            let practitioner = tx.pipeline.practitioner(id, in: clinicID)
            return Pending { (try entries.get(), try practitioner.get()) }
        }
        guard practitioner != nil else { throw CalendarError.practitionerNotFound }
        guard entries.count <= Self.limit else {
            throw InvalidInput(
                "to", "must be earlier: a calendar has \(Self.limit) appointments at the most")
        }
        return ICalendar(events: entries.map { $0.event($0.patientName) }).text
    }
}

/// An appointment with the names that a calendar shows.
private struct CalendarEntry: RowDecodable {
    let id: UUID
    let version: Int
    /// When this version came to be.
    let changedAt: Date
    let startsAt: Date
    let endsAt: Date
    let isCancelled: Bool
    let patientName: String
    let practitionerName: String
    let clinicName: String

    init(row: inout Row) throws {
        id = try row.next()
        version = try row.next()
        changedAt = try row.next()
        startsAt = try row.next()
        endsAt = try row.next()
        isCancelled = try row.next()
        patientName = try row.next()
        practitionerName = try row.next()
        clinicName = try row.next()
    }

    func event(_ summary: String) -> ICalendar.Event {
        ICalendar.Event(
            uid: id.uuidString.lowercased(), sequence: version, stamp: changedAt,
            startsAt: startsAt, endsAt: endsAt, summary: summary, location: clinicName,
            isCancelled: isCancelled)
    }

    /// - Parameter appointments: A query for those.
    static func query(_ appointments: SQL, in clinicID: UUID) -> SQL {
        """
        SELECT
            appointments.id,
            appointments.version,
            journal.at,
            appointments.starts_at,
            appointments.ends_at,
            appointments.status = 'cancelled',
            patients.name,
            practitioners.name,
            clinics.name
        FROM (\(fragment: appointments)) AS appointments
        JOIN clinics ON clinics.id = \(clinicID)
        JOIN patients
            ON patients.clinic_id = \(clinicID) AND patients.id = appointments.patient_id
        JOIN practitioners
            ON practitioners.clinic_id = \(clinicID)
            AND practitioners.id = appointments.practitioner_id
        JOIN journal
            ON journal.clinic_id = \(clinicID)
            AND journal.object_type = 'appointment'
            AND journal.object_id = appointments.id
            AND journal.version = appointments.version
        ORDER BY appointments.starts_at, appointments.id
        """
    }
}
