import FoundationEssentials

/// What a client asked of one slot, how it was answered, and what the journal has of it.
///
/// A request that was sent again under its idempotency key is one operation, from when it was first
/// asked to the answer that settled it. One that touched two slots is an operation of each, and one
/// that made two versions is two, as is the journal. Moments are those of one clock, which is also
/// the one by which holds end.
package struct SlotOperation: Hashable, Sendable {
    /// What violations call it.
    package var name: String
    package var asked: Date
    /// Nil if none came, or one that leaves the outcome open.
    package var answer: Answer?
    /// Nil if the journal has nothing of it.
    package var entry: Entry?

    package enum Answer: Hashable, Sendable {
        /// The change was made.
        case done(at: Date)
        /// Nothing was changed, and this is what the slot was said to be.
        case saw(SlotObservation, at: Date)

        package var moment: Date {
            switch self {
            case .done(let moment), .saw(_, let moment): moment
            }
        }
    }

    /// What the journal has of a change, whether or not its client ever heard of it.
    package struct Entry: Hashable, Sendable {
        package var version: Int
        package var change: SlotChange

        package init(version: Int, _ change: SlotChange) {
            self.version = version
            self.change = change
        }
    }

    package init(_ name: String, asked: Date, answer: Answer?, entry: Entry? = nil) {
        self.name = name
        self.asked = asked
        self.answer = answer
        self.entry = entry
    }
}

/// What makes the next version of a slot.
package enum SlotChange: Hashable, Sendable {
    case booked(UUID, patient: UUID)
    /// An appointment was cancelled, or moved to another slot.
    case freed(UUID)
    case held(patient: UUID, until: Date)
    case released(patient: UUID)
    /// Nil stays as it is. `from` is the version that the author had seen, nil if that did not
    /// matter.
    case changed(capacity: Int? = nil, isBlocked: Bool? = nil, from: Int?)
    case deleted(from: Int)
}

/// What a client was told of a slot that it did not change.
package enum SlotObservation: Hashable, Sendable {
    case taken
    case unavailable
    /// In the way of a patient who wanted it, or, nil, of a change that no hold may outlive.
    ///
    /// The end is told so that it is clear which hold is meant. Of one hold it is the same in every
    /// version, which is what lets ``SlotHistory`` sort where it would otherwise have to search.
    case held(until: Date, from: UUID?)
    /// There was no hold to release: of this patient, or, nil, of anybody.
    case notHeld(by: UUID?)
    case notFound
    /// The version sent was not the current one, which may have been shown.
    case stale(sent: Int, current: Int? = nil)
    /// The version sent was the current one, but somebody has an appointment.
    case booked(sent: Int)
    case read(version: Int, booked: Int? = nil, status: Status? = nil)

    /// FHIR's slot status. Source: HL7 FHIR R5, `SlotStatus`.
    package enum Status: String, CaseIterable, Sendable {
        case free
        case busy
        case busyTentative = "busy-tentative"
        case busyUnavailable = "busy-unavailable"
    }
}

extension SlotObservation: CustomStringConvertible {
    /// Ends the sentence "at no moment in between ...".
    package var description: String {
        switch self {
        case .taken: "was the slot full"
        case .unavailable: "was the slot blocked"
        case .held(let until, _): "was the slot held until \(until) by somebody in the way"
        case .notHeld: "was the slot without a hold to release"
        case .notFound: "was there no slot"
        case .stale(let sent, let current):
            "was the version \(current.map(String.init) ?? "another") instead of \(sent)"
        case .booked(let sent): "had the slot an appointment at version \(sent)"
        case .read(let version, let booked, let status):
            "was the slot at version \(version)"
                + (booked.map { " with \($0) booked" } ?? "")
                + (status.map { " and \($0.rawValue)" } ?? "")
        }
    }
}
