import FoundationEssentials
import Postgres

/// Which appointments are looked for. Nil: any.
package struct AppointmentFilter: Hashable, Sendable {
    package var patientID: UUID?
    package var practitionerID: UUID?
    package var status: AppointmentStatus?
    /// Appointments that start at this instant or later.
    package var from: Date?
    /// Appointments that start before this instant.
    package var to: Date?

    package init() {}
}

extension BookingService {
    /// One appointment; nil if there is none of that id.
    /// - Parameter patientID: Only if it is this patient's.
    package func appointment(
        _ id: UUID, in clinicID: UUID, of patientID: UUID? = nil
    ) async throws -> Appointment? {
        try await store.read { tx in
            tx.pipeline.optional(
                Appointment.self,
                """
                SELECT \(fragment: Appointment.columns)
                FROM appointments
                WHERE clinic_id = \(clinicID)
                    AND id = \(id)
                    AND patient_id = coalesce(\(patientID), patient_id)
                """)
        }
    }

    /// A clinic's appointments by the time at which they start.
    /// - Parameter patientID: Only this patient's, who must exist.
    /// - Throws: `clinicNotFound`; `patientNotFound`.
    package func appointments(
        in clinicID: UUID, of patientID: UUID? = nil, where filter: AppointmentFilter,
        _ page: PageRequest
    ) async throws -> Page<Appointment> {
        var filter = filter
        filter.patientID = patientID ?? filter.patientID
        let (rows, patientExists, clinicExists) = try await store.read { [filter] tx in
            let rows = tx.pipeline.all(
                Appointment.self,
                """
                SELECT \(fragment: Appointment.columns)
                FROM \(fragment: filter.source(in: clinicID))
                WHERE clinic_id = \(clinicID)
                    AND starts_at >= \(filter.from ?? .distantPast)
                    AND starts_at < \(filter.to ?? .distantFuture)
                    AND (starts_at, id) > (\(page.start.time), \(page.start.id))
                    \(fragment: filter.practitionerCondition)
                    \(fragment: filter.statusCondition)
                ORDER BY starts_at, id
                LIMIT \(page.rowsToRead)
                """)
            let patientExists = patientID.map { tx.pipeline.patientExists($0, in: clinicID) }
            let clinicExists = tx.pipeline.clinicExists(clinicID)
            return Pending {
                (try rows.get(), try patientExists?.get() ?? true, try clinicExists.get())
            }
        }
        guard clinicExists else { throw CalendarError.clinicNotFound }
        guard patientExists else { throw RecordError.patientNotFound }
        return Page(rows, of: page) { Keyset(time: $0.startsAt, id: $0.id) }
    }
}

extension Pipeline {
    /// Queues the reading of those appointments that there are.
    func appointments(_ ids: [UUID], in clinicID: UUID) -> Pending<[Appointment]> {
        all(
            Appointment.self,
            """
            SELECT \(fragment: Appointment.columns)
            FROM appointments
            WHERE clinic_id = \(clinicID) AND id = ANY(\(ids))
            """)
    }
}

extension AppointmentFilter {
    fileprivate func source(in clinicID: UUID) -> SQL {
        patientID.map { Appointment.all(ofPatient: $0, in: clinicID) } ?? "appointments"
    }

    fileprivate var practitionerCondition: SQL {
        guard let practitionerID else { return .nothing }
        return "AND practitioner_id = \(practitionerID)"
    }

    fileprivate var statusCondition: SQL {
        guard let status else { return .nothing }
        return "AND status = \(status)"
    }
}
