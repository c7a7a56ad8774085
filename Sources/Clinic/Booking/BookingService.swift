import FoundationEssentials
import Logging
import Postgres

/// Books slots, and never twice.
///
/// Two defences, each sufficient alone: the slots' row locks, and the constraints
/// `appointment_one_per_seat` and `appointment_patient_no_overlap`.
package struct BookingService: Sendable {
    let store: Store
    private let desk: BookingDesk
    private let queue: BatchQueue<Booking, BookingOutcome>

    /// - Parameter waitingLimit: Bookings at the most that may wait for their batch; half of them in one
    ///   clinic.
    package init(store: Store, waitingLimit: Int = BatchLimits().waiting) {
        self.store = store
        var limits = BatchLimits()
        limits.waiting = waitingLimit
        desk = BookingDesk(store: store)
        queue = BatchQueue(limits: limits) { [desk] bookings, clinicID, waitsForLocks in
            await desk.book(bookings, in: clinicID, waitingForLocks: waitsForLocks)
        }
    }

    /// Books a slot for a patient, together with whoever else asks for slots of the clinic meanwhile.
    /// - Throws: ``BookingRefused``; ``Unavailable``. Nothing was booked then, unless it is
    ///   `outcomeUnknown`.
    package func book(
        _ request: BookingRequest, in clinicID: UUID, once: Once<Appointment>? = nil
    ) async throws -> Appointment {
        let deadline = store.nextDeadline
        let booking = Booking(request, once: once, newID: store.newID)
        guard let once else { return try await join(booking, in: clinicID, until: deadline) }
        return try await store.taking(turn: once) { isFirst in
            guard isFirst else {
                return try await desk.bookAlone(booking, once, in: clinicID, until: deadline)
            }
            do {
                return try await join(booking, in: clinicID, until: deadline)
            } catch is KeyIsElsewhere {
                return try await desk.bookAlone(booking, once, in: clinicID, until: deadline)
            }
        }
    }

    /// Books with the next batch.
    /// - Throws: Besides, ``KeyIsElsewhere``.
    private func join(
        _ booking: Booking, in clinicID: UUID, until deadline: Deadline
    ) async throws -> Appointment {
        let outcome = try await queue.answer(
            booking, for: booking.request.slotID, in: clinicID, until: deadline)
        switch outcome {
        case .booked(let appointment): return appointment
        case .refused(let refusal, let suggestions):
            throw BookingRefused(
                refusal: refusal,
                alternatives: await suggestions?.value[booking.request.slotID] ?? [])
        case .failed(let error): throw error
        }
    }
}
