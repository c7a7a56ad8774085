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
    /// The practitioner already has a slot at that time.
    case slotOverlap
}
