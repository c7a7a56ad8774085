import FoundationEssentials
import Postgres

extension BookingService {
    /// Writes down what has become of an appointment, if it still is what the author has seen.
    /// - Throws: ``VersionConflict``; ``AppointmentError``: `badTransition`, `appointmentNotFound`;
    ///   `LockError.lockLost`.
    package func setStatus(
        of target: AppointmentTarget, to status: AppointmentStatus,
        once: Once<Appointment>? = nil
    ) async throws -> Appointment {
        let entryID = store.newID()
        let sources = AppointmentStatus.allCases.filter { $0.mayBecome(status) }
        return try await store.write(to: target.clinicID, once: once) { tx in
            let isLocked = tx.pipeline.holdsLock(
                target.lock, by: target.author, on: target.patient, in: target.clinicID)
            let changed = tx.pipeline.optional(
                Appointment.self,
                """
                UPDATE appointments
                SET status = \(status), version = version + 1
                WHERE clinic_id = \(target.clinicID)
                    AND id = \(target.id)
                    AND version = coalesce(\(target.version), version)
                    AND status = ANY(\(sources))
                RETURNING \(fragment: Appointment.columns)
                """)
            guard let changed = try changed.get() else {
                throw try tx.refusal(of: target, from: target.version) {
                    AppointmentError.badTransition($0.status)
                }
            }
            guard try isLocked.get() else { throw LockError.lockLost }
            tx.pipeline.record(
                changed, "appointment.\(status.rawValue)", entryID, by: target.author,
                with: "'{}'::jsonb")
            return .known(changed)
        }
    }
}
