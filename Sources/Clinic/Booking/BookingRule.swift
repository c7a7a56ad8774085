import FoundationEssentials
import Postgres

/// A slot's row while it is locked.
struct LockedSlot: Hashable, Sendable {
    let id: UUID
    let practitionerID: UUID
    let startsAt: Date
    let endsAt: Date
    let capacity: Int
    var booked: Int
    let isBlocked: Bool
    let heldBy: UUID?
    let heldSince: Date?
    let heldUntil: Date?
    let version: Int
}

extension LockedSlot: RowDecodable {
    static let columns: SQL = """
        id,
        practitioner_id,
        starts_at,
        ends_at,
        capacity,
        booked,
        blocked,
        held_by,
        held_since,
        held_until,
        version
        """

    init(row: inout Row) throws {
        id = try row.next()
        practitionerID = try row.next()
        startsAt = try row.next()
        endsAt = try row.next()
        capacity = try row.next()
        booked = try row.next()
        isBlocked = try row.next()
        heldBy = try row.next()
        heldSince = try row.next()
        heldUntil = try row.next()
        version = try row.next()
    }
}

/// What the database knows of one request's patient, read once the slots were locked.
struct PatientCircumstances: Hashable, Sendable {
    var slotIsKnown = true
    let patientIsKnown: Bool
    /// Has an active appointment that overlaps with the slot asked for.
    let isBusy: Bool
    /// The database's clock at that moment.
    let readAt: Date
    /// What the patient waits for and the slot asked for would fulfil: entries of the waitlist.
    let wishes: [UUID]
}

extension PatientCircumstances: RowDecodable {
    init(row: inout Row) throws {
        slotIsKnown = try row.next()
        patientIsKnown = try row.next()
        isBusy = try row.next()
        readAt = try row.next()
        wishes = try row.next()
    }
}

/// Decides the requests of one batch in order of arrival: each on its own, but knowing who of the
/// same batch was let in before. Pure: no database, no clock of its own.
struct BookingRule {
    private var slots: [UUID: LockedSlot]
    /// When each winner's patient is now busy.
    private var taken: [UUID: [Range<Date>]] = [:]

    init(locked slots: [LockedSlot]) {
        self.slots = Dictionary(uniqueKeysWithValues: slots.map { ($0.id, $0) })
    }

    /// - Parameter lockedUntil: Until when the lock is good that the request names; nil if it is not.
    /// - Returns: Why not; nil lets the patient in and takes the seat.
    mutating func decide(
        _ request: BookingRequest, _ patient: PatientCircumstances,
        lockedUntil: Date? = .distantFuture
    ) -> BookingRefusal? {
        guard let slot = slots[request.slotID] else { return .slotNotFound }
        guard patient.patientIsKnown else { return .patientNotFound }
        guard let lockedUntil, lockedUntil > patient.readAt else { return .lockLost }
        guard slot.startsAt > patient.readAt else { return .slotInPast }
        guard !slot.isBlocked else { return .slotUnavailable }
        guard slot.booked < slot.capacity else { return .slotTaken }
        if let heldUntil = slot.heldUntil, heldUntil > patient.readAt,
            slot.heldBy != request.patientID
        {
            return .slotHeld(until: heldUntil)
        }
        let time = slot.startsAt..<slot.endsAt
        guard !patient.isBusy, !isTaken(request.patientID, at: time) else { return .patientBusy }
        taken[request.patientID, default: []].append(time)
        slots[request.slotID]?.booked += 1
        return nil
    }

    private func isTaken(_ patientID: UUID, at time: Range<Date>) -> Bool {
        taken[patientID]?.contains { $0.overlaps(time) } ?? false
    }
}
