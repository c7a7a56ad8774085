import FoundationEssentials
import Postgres

/// Books slots, and never twice.
///
/// Two defences, each sufficient alone: the slots' row locks, and the constraints
/// `appointment_one_per_seat` and `appointment_patient_no_overlap`.
package struct BookingService: Sendable {
    let store: Store
    private let desk: BookingDesk
    private let admission: SlotAdmission?
    private let queue: BatchQueue<Booking, BookingOutcome>

    /// - Parameter waitingLimit: Bookings at the most that may wait for their batch; half of them in one
    ///   clinic.
    package init(store: Store, waitingLimit: Int = BatchLimits().waiting) {
        self.store = store
        var limits = BatchLimits()
        limits.waiting = waitingLimit
        desk = BookingDesk(store: store)
        admission = store.environment.redlock.map { SlotAdmission(redlock: $0, store: store) }
        queue = BatchQueue(limits: limits) {
            [desk, admission] bookings, clinicID, waitsForLocks, tell in
            guard let admission else {
                return await desk.book(bookings, in: clinicID, waitingForLocks: waitsForLocks)
            }
            return await admission.admit(
                bookings, in: clinicID, mayBeLate: !waitsForLocks, telling: tell
            ) { admitted in
                await desk.book(admitted, in: clinicID, waitingForLocks: waitsForLocks)
            }
        }
    }

    /// How many bookings wait for their batch.
    package var waiting: Int { queue.waiting }

    /// Books a slot for a patient, together with whoever else asks for slots of the clinic meanwhile.
    /// - Throws: ``BookingRefused``; ``Unavailable``. Nothing was booked then, unless it is
    ///   `outcomeUnknown`.
    package func book(
        _ request: BookingRequest, in clinicID: UUID, once: Once<Appointment>? = nil
    ) async throws -> Appointment {
        let deadline = store.nextDeadline
        let result = await withCheckedContinuation { continuation in
            submit(request, in: clinicID, once: once) { continuation.resume(returning: $0) }
        }
        if let result { return try result.get() }
        guard let once else { preconditionFailure("no key, and yet it is in use") }
        // One behind the other, for whoever has the key may be another process, and each takes a connection.
        let key = IdempotencyKey(request: once.request)
        while await !store.turns.await(key) {}
        defer { store.turns.end(key) }
        return try await bookAlone(request, in: clinicID, once, until: deadline)
    }

    /// Books under a key that was in use. If nothing was kept under it, because the one before was sent away,
    /// this one has to be let in like anybody.
    private func bookAlone(
        _ request: BookingRequest, in clinicID: UUID, _ once: Once<Appointment>,
        until deadline: Deadline
    ) async throws -> Appointment {
        @Sendable func book() async throws -> Appointment {
            try await desk.bookAlone(
                Booking(request, newID: store.newID), once, in: clinicID, until: deadline)
        }
        guard let admission, try await store.isUnused(once, until: deadline) else {
            return try await book()
        }
        let asking = Booking(request, once: once, newID: store.newID)
        let outcomes = await admission.admit([asking], in: clinicID, mayBeLate: false) { _ in
            do {
                return [.booked(try await book())]
            } catch {
                return [.failed(error)]
            }
        }
        switch outcomes.first {
        case .booked(let appointment): return appointment
        case .refused(let refusal, _):
            throw BookingRefused(refusal: refusal, alternatives: [])
        case .failed(is KeyIsElsewhere): return try await book()
        case .failed(let error): throw error
        case nil, .some(nil): preconditionFailure("a booking was neither let in nor sent away")
        }
    }

    /// Like ``book(_:in:once:)``, for whoever cannot wait.
    /// - Parameter reply: Called once, on whichever thread; it returns at once. Gets the appointment or what
    ///   `book` throws; or nil if the key is in use, and nothing was done: then `book` has to be asked.
    package func submit(
        _ request: BookingRequest, in clinicID: UUID, once: Once<Appointment>? = nil,
        reply: @escaping @Sendable (Result<Appointment, any Error>?) -> Void
    ) {
        let key = once.map { IdempotencyKey(request: $0.request) }
        if let key, !store.turns.take(key) { return reply(nil) }
        queue.submit(
            Booking(request, once: once, newID: store.newID), for: request.slotID, in: clinicID,
            until: store.nextDeadline
        ) { [turns = store.turns] result in
            if let key { turns.end(key) }
            switch result {
            case .success(.refused(let refusal, .some(let suggestions))):
                Task {
                    let suggestions = await suggestions.value[request.slotID] ?? []
                    reply(
                        .failure(BookingRefused(refusal: refusal, alternatives: suggestions)))
                }
            case .success(.refused(let refusal, nil)):
                reply(.failure(BookingRefused(refusal: refusal, alternatives: [])))
            case .success(.booked(let appointment)): reply(.success(appointment))
            case .success(.failed(is KeyIsElsewhere)): reply(nil)
            case .success(.failed(let error)), .failure(let error): reply(.failure(error))
            }
        }
    }
}
