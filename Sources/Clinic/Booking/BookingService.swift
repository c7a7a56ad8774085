import FoundationEssentials
import Logging
import Postgres

/// Books slots, and never twice.
///
/// Two defences, each sufficient alone: the slots' row locks, and the constraints
/// `appointment_one_per_seat` and `appointment_patient_no_overlap`.
package struct BookingService: Sendable {
    let store: Store

    package init(store: Store) { self.store = store }

    /// Books a slot for a patient.
    /// - Throws: ``BookingRefused``; ``Unavailable``. Nothing was booked then, unless it is
    ///   `outcomeUnknown`.
    package func book(
        _ request: BookingRequest, in clinicID: UUID, once: Once<Appointment>? = nil
    ) async throws -> Appointment {
        let deadline = store.nextDeadline
        let outcomes = try await book([request], in: clinicID, once: once, until: deadline)
        guard let outcome = outcomes.first else { preconditionFailure("a request got no outcome") }
        switch outcome {
        case .booked(let appointment): return appointment
        case .refused(let refusal):
            throw await refused(refusal, request.slotID, in: clinicID, until: deadline)
        case .failed(let error): throw error
        }
    }

    /// A refusal with free slots to choose from, where another slot would help.
    func refused(
        _ refusal: BookingRefusal, _ slotID: UUID, in clinicID: UUID,
        until deadline: Deadline? = nil
    ) async -> BookingRefused {
        BookingRefused(
            refusal: refusal,
            alternatives: refusal.wantsAlternatives
                ? await suggestions(insteadOf: slotID, in: clinicID, until: deadline) : [])
    }

    /// The alternatives, or none if they cannot be read now: the refusal stands without them.
    private func suggestions(
        insteadOf slotID: UUID, in clinicID: UUID, until deadline: Deadline?
    ) async -> [Slot] {
        do {
            return try await alternatives(to: slotID, in: clinicID, until: deadline)
        } catch {
            store.environment.logger.warning(
                "no alternatives for a refusal", metadata: ["cause": "\(error)"])
            return []
        }
    }
}

/// What became of one request of a batch.
enum BookingOutcome: Sendable {
    case booked(Appointment)
    case refused(BookingRefusal)
    /// This request could not be decided; its neighbours could.
    case failed(any Error)
}

extension BookingService {
    /// Decides a batch of one clinic's requests. A single request is a batch of one.
    /// - Returns: An outcome for each request, in the order of the requests.
    func book(
        _ requests: [BookingRequest], in clinicID: UUID, once: Once<Appointment>? = nil,
        until deadline: Deadline, tries: Int = 3
    ) async throws -> [BookingOutcome] {
        let outcomes = try await decide(requests, in: clinicID, once: once, until: deadline)
        var decided: [BookingOutcome] = []
        for (request, outcome) in zip(requests, outcomes) {
            if let outcome {
                decided.append(outcome)
            } else if tries > 1 {
                do {
                    decided += try await book(
                        [request], in: clinicID, once: once, until: deadline,
                        tries: tries - 1)
                } catch {
                    // What was decided for the others is committed, whatever becomes of this one.
                    decided.append(.failed(error))
                }
            } else {
                decided.append(.refused(.patientBusy))
            }
        }
        return decided
    }

    /// One transaction of two round trips: lock and read; write and commit.
    /// - Returns: Nil for a request that has to be decided again, alone: between the reading and the
    ///   writing its patient got another appointment for that time.
    private func decide(
        _ requests: [BookingRequest], in clinicID: UUID, once: Once<Appointment>?,
        until deadline: Deadline
    ) async throws -> [BookingOutcome?] {
        let bookings = requests.map { Booking($0, newID: store.environment.newID) }
        do {
            // A batch serves many callers: none of them may cancel it for the others.
            return try await store.write(
                to: clinicID, once: once?.map(\.booked), isCancellable: false, until: deadline
            ) { [newID = store.newID] tx in
                let locks = lockOfflineLocks(of: bookings, in: clinicID, tx)
                let slots = lockSlots(of: bookings, in: clinicID, tx)
                let patients = readPatients(of: requests, in: clinicID, tx)

                var rule = BookingRule(locked: try slots.get())
                let circumstances = try patients.get()
                let refusals = zip(requests, zip(circumstances, try locks.get())).map {
                    rule.decide($0, $1.0, lockedUntil: $1.1)
                }

                let winners = zip(bookings, refusals).filter { $1 == nil }.map(\.0)
                guard !winners.isEmpty else {
                    return .unchanged(refusals.map { $0.map(BookingOutcome.refused) })
                }
                @Sendable func outcomes(_ appointments: [Appointment]) -> [BookingOutcome?] {
                    let made = Dictionary(uniqueKeysWithValues: appointments.map { ($0.id, $0) })
                    return zip(bookings, refusals).map { booking, refusal in
                        refusal.map(BookingOutcome.refused)
                            ?? made[booking.id].map(BookingOutcome.booked)
                    }
                }
                let wishes = FulfilledWish.distinct(
                    zip(zip(requests, circumstances), refusals).filter { $1 == nil }
                        .flatMap { won, _ in
                            won.1.wishes.map { FulfilledWish(id: $0, author: won.0.author) }
                        })
                tx.pipeline.lockWishes(wishes, in: clinicID)
                let written = tx.pipeline.write(winners, in: clinicID)
                tx.pipeline.withdrawWishes(
                    wishes, fulfilledBy: winners.map(\.id), in: clinicID, newID)
                return .pending(written.map(outcomes)) { tx in
                    tx.pipeline.appointments(winners.map(\.id), in: clinicID).map(outcomes)
                }
            }
        } catch let error as PostgresError where error.violates("appointment_one_per_seat") {
            // The second defence. While the locks are in place it has nothing to do.
            return requests.count == 1 ? [.refused(.slotTaken)] : requests.map { _ in nil }
        }
    }
}

extension [BookingOutcome?] {
    /// The appointment, of a batch of one that was booked.
    fileprivate var booked: Appointment? {
        if case .booked(let appointment)?? = first { appointment } else { nil }
    }
}

/// A request with the ids of everything that it writes if it wins.
struct Booking: Sendable {
    let request: BookingRequest
    let id: UUID
    let appointmentEntryID: UUID
    let slotEntryID: UUID
    let messageID: UUID
    /// The entry of the waitlist that it fulfils, where nobody asked for it directly.
    let wish: UUID?

    init(_ request: BookingRequest, fulfilling wish: UUID? = nil, newID: () -> UUID) {
        self.request = request
        self.wish = wish
        id = newID()
        appointmentEntryID = newID()
        slotEntryID = newID()
        messageID = newID()
    }
}
