import FoundationEssentials

/// A request with the ids of everything that it writes if it wins.
struct Booking: Sendable {
    let request: BookingRequest
    /// The key under which it is made once, if it was sent with one.
    let once: Once<Appointment>?
    /// The entry of the waitlist that it fulfils, where nobody asked for it directly.
    let wish: UUID?
    let id: UUID
    let appointmentEntryID: UUID
    let slotEntryID: UUID
    let messageID: UUID

    init(
        _ request: BookingRequest, once: Once<Appointment>? = nil, fulfilling wish: UUID? = nil,
        newID: () -> UUID
    ) {
        self.request = request
        self.once = once
        self.wish = wish
        id = newID()
        appointmentEntryID = newID()
        slotEntryID = newID()
        messageID = newID()
    }

    /// What it makes.
    /// - Parameter now: The database's clock.
    func appointment(in slot: LockedSlot, of clinicID: UUID, at now: Date) -> Appointment {
        Appointment(
            id: id, clinicID: clinicID, slotID: slot.id, practitionerID: slot.practitionerID,
            patientID: request.patientID, startsAt: slot.startsAt, endsAt: slot.endsAt,
            status: .booked, reason: request.reason, version: 1, createdAt: now)
    }
}
