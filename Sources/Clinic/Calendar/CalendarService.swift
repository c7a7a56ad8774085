import FoundationEssentials
/// Clinics, practitioners and slots: what can be booked.
package struct CalendarService: Sendable {
    let store: Store

    package init(store: Store) { self.store = store }
}

/// Why the calendar refused.
package enum CalendarError: Error, Hashable, Sendable {
    case clinicNotFound
    case practitionerNotFound
    case slotNotFound
    case timeOffNotFound
    /// The practitioner already has a slot at that time.
    case slotOverlap
    /// Active appointments would lose their time or their seat.
    case slotBooked
    /// A patient's hold would lose what it holds.
    case slotHeld(until: Date)
}
