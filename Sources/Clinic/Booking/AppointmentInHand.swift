import FoundationEssentials
import Postgres

/// An appointment that a transaction has locked to end it where it is, and what it has to know for that.
struct AppointmentInHand: Sendable {
    let appointment: Appointment
    /// The slots that were locked, by id: the appointment's own and those that may matter besides.
    let slots: [UUID: LockedSlot]
    /// Whether anybody waits in this clinic.
    let isAnybodyWaiting: Bool

    /// The slot in which the appointment is.
    let slot: LockedSlot
}

extension Transaction {
    /// Takes, in the one order, all locks that it needs to take an appointment from its slot: the
    /// waitlist, the offline lock, the slots, the appointment.
    ///
    /// The slots are the appointment's, the one where it is to go, and those that its patient waits for
    /// and could not have because of it.
    ///
    /// That patient could be passed over for such a slot by somebody who frees it at this moment and finds
    /// the patient still busy. So where the patient waits for anything, the waitlist has to be had alone;
    /// most do not, so the first attempt shares it and looks.
    /// - Parameter attempt: From 1.
    /// - Throws: ``AppointmentError``; ``VersionConflict``; `lockLost`; ``LocksMissed`` if the appointment
    ///   was moved in the meantime, or its patient waits and the waitlist is shared.
    func take(
        _ target: AppointmentTarget, _ attempt: Int, goingTo newSlotID: UUID? = nil
    ) throws -> AppointmentInHand {
        let isAlone = attempt > 1
        if isAlone {
            pipeline.lockWaitlist(of: target.clinicID)
        } else {
            pipeline.shareWaitlist(of: target.clinicID)
        }
        let isLocked = pipeline.holdsLock(
            target.lock, by: target.author, on: target.patient, in: target.clinicID)
        let slots = pipeline.lockSlots(of: target, and: newSlotID)
        let appointment = pipeline.lock(target)
        let circumstances = pipeline.one(
            Circumstances.self,
            """
            SELECT
                clock_timestamp(),
                EXISTS (
                    SELECT
                    FROM waitlist
                    WHERE clinic_id = \(target.clinicID) AND \(fragment: WaitlistEntry.isWaiting)
                ),
                \(fragment: WaitlistEntry.isWaiting(patientOf: target))
            """)

        guard let appointment = try appointment.get() else {
            throw AppointmentError.appointmentNotFound
        }
        guard try isLocked.get() else { throw LockError.lockLost }
        if let version = target.version, version != appointment.version {
            throw try refusal(of: target, from: version)
        }
        guard appointment.status != .cancelled else { throw AppointmentError.notActive }
        let circumstance = try circumstances.get()
        guard !target.isPatients || appointment.startsAt > circumstance.now else {
            throw AppointmentError.inPast
        }
        if circumstance.isPatientWaiting && !isAlone { throw LocksMissed() }
        let locked = Dictionary(uniqueKeysWithValues: try slots.get().map { ($0.id, $0) })
        guard let slot = locked[appointment.slotID] else { throw LocksMissed() }
        return AppointmentInHand(
            appointment: appointment, slots: locked,
            isAnybodyWaiting: circumstance.isAnybodyWaiting, slot: slot)
    }

    /// Why an appointment of another version than its author has seen is not changed; see
    /// ``refusal(of:_:in:from:current:as:notFound:unless:)``.
    func refusal(
        of target: AppointmentTarget, from version: Int?,
        unless obstacle: (Appointment) throws -> (any Error)? = { _ in nil }
    ) throws -> any Error {
        try refusal(
            of: .appointment, target.id, in: target.clinicID, from: version,
            current: pipeline.appointments([target.id], in: target.clinicID).map(\.first),
            as: VersionedObject.appointment, notFound: AppointmentError.appointmentNotFound,
            unless: obstacle)
    }
}

extension Pipeline {
    /// Queues the row locks, by id.
    fileprivate func lockSlots(
        of target: AppointmentTarget, and newSlotID: UUID?
    ) -> Pending<[LockedSlot]> {
        all(
            LockedSlot.self,
            """
            SELECT \(fragment: LockedSlot.columns)
            FROM slots
            WHERE clinic_id = \(target.clinicID)
                AND id = ANY(ARRAY(
                    SELECT slot_id
                    FROM appointments
                    WHERE clinic_id = \(target.clinicID) AND id = \(target.id)
                    UNION
                    SELECT \(newSlotID)
                    UNION
                    \(fragment: WaitlistEntry.slotsBarred(by: target.id, in: target.clinicID))
                ))
            ORDER BY id
            FOR UPDATE
            """)
    }

    /// Queues the row lock of the appointment itself.
    fileprivate func lock(_ target: AppointmentTarget) -> Pending<Appointment?> {
        optional(
            Appointment.self,
            """
            SELECT \(fragment: Appointment.columns)
            FROM appointments
            WHERE clinic_id = \(target.clinicID)
                AND id = \(target.id)
                AND patient_id = coalesce(\(target.patientID), patient_id)
            FOR UPDATE
            """)
    }
}

/// What is read behind the locks.
private struct Circumstances: RowDecodable {
    let now: Date
    let isAnybodyWaiting: Bool
    let isPatientWaiting: Bool

    init(row: inout Row) throws {
        now = try row.next()
        isAnybodyWaiting = try row.next()
        isPatientWaiting = try row.next()
    }
}
