import FoundationEssentials

/// One patient's wish for one slot.
package struct BookingRequest: Hashable, Sendable {
    package let slotID: UUID
    package let patientID: UUID
    /// What the patient comes for, 1,000 characters at the most.
    package let reason: String?
    package let author: Author
    /// The lock on the patient's record under which it is made; nil if it needs none.
    package let lock: UUID?

    package init(
        slotID: UUID, patientID: UUID, reason: String?, author: Author, lock: UUID? = nil
    ) {
        self.lock = lock
        self.slotID = slotID
        self.patientID = patientID
        self.reason = reason
        self.author = author
    }
}

/// Why a booking was refused, in the order in which the reasons are looked at.
package enum BookingRefusal: Error, Hashable, Sendable {
    case slotNotFound
    case patientNotFound
    /// The lock that the request names is not the author's, or does not cover the patient now.
    case lockLost
    /// The slot has begun.
    case slotInPast
    /// The clinic has blocked the slot.
    case slotUnavailable
    /// Every seat is taken.
    case slotTaken
    /// Another patient holds the slot until then.
    case slotHeld(until: Date)
    /// The patient has another appointment at that time.
    case patientBusy
    /// Another instance is deciding about the slot's only seat at the moment: nobody knows yet who has it.
    case slotContended

    /// Whether another slot would help.
    var wantsAlternatives: Bool {
        switch self {
        case .slotUnavailable, .slotTaken, .slotHeld: true
        case .slotNotFound, .patientNotFound, .lockLost, .slotInPast, .patientBusy, .slotContended:
            false
        }
    }
}

/// A refused booking, with free slots to choose from where another slot would help.
package struct BookingRefused: Error, Hashable, Sendable {
    package let refusal: BookingRefusal
    /// Up to five. Suggestions: they may be a moment old.
    package let alternatives: [Slot]
}
