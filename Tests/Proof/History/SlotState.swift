import FoundationEssentials

/// A slot as one version of it was. Holds end by the clock, without a new version: a hold is live
/// at every moment before its end, and at none from then on.
package struct SlotState: Hashable, Sendable {
    package struct Hold: Hashable, Sendable {
        package let patient: UUID
        package let until: Date

        package init(patient: UUID, until: Date) {
            self.patient = patient
            self.until = until
        }
    }

    package var exists = true
    package var capacity: Int
    /// One a seat.
    package var appointments: Set<UUID> = []
    /// The last one made, until something else ends it than the clock.
    package var hold: Hold?
    package var isBlocked = false
    package var version: Int

    package init(capacity: Int = 1, version: Int = 1) {
        self.capacity = capacity
        self.version = version
    }

    var isFull: Bool { appointments.count >= capacity }
}

/// When something may be said of a state, or done to it.
enum Permission: Equatable {
    case always
    /// Not while a hold lives that ends then.
    case since(Date)
    case never(because: String)
}

extension SlotState {
    /// Whether the change may be made to this state.
    func permits(_ change: SlotChange) -> Permission {
        guard exists else { return .never(because: "changes a slot that was deleted") }
        switch change {
        case .booked(let appointment, let patient):
            if isBlocked { return .never(because: "books a blocked slot") }
            if isFull { return .never(because: "books a seat of a full slot") }
            if appointments.contains(appointment) { return .never(because: "books twice") }
            return sinceNobodyHolds(besides: patient)
        case .freed(let appointment):
            guard appointments.contains(appointment) else {
                return .never(because: "frees a seat that its appointment does not have")
            }
        case .held(let patient, _):
            if capacity > 1 { return .never(because: "holds a slot of several seats") }
            if isBlocked { return .never(because: "holds a blocked slot") }
            if isFull { return .never(because: "holds a full slot") }
            return sinceNobodyHolds(besides: patient)
        case .released(let patient):
            // Whether it had ended meanwhile is all the same: nobody is the worse for it, and a
            // service that is stopped between its look at the clock and its COMMIT cannot know.
            guard hold?.patient == patient else {
                return .never(because: "releases a hold that its patient does not have")
            }
        case .changed(let newCapacity, _, let from):
            if let from, from != version { return .never(because: "was asked of version \(from)") }
            guard let newCapacity, newCapacity != capacity else { return .always }
            if newCapacity < appointments.count {
                return .never(because: "takes away the seat of an appointment")
            }
            return sinceNobodyHolds()
        case .deleted(let from):
            if from != version { return .never(because: "was asked of version \(from)") }
            if !appointments.isEmpty { return .never(because: "deletes a booked slot") }
        }
        return .always
    }

    /// Makes the next version, whether or not that is permitted.
    mutating func apply(_ change: SlotChange) {
        version += 1
        switch change {
        case .booked(let appointment, _):
            appointments.insert(appointment)
            hold = nil
        case .freed(let appointment): appointments.remove(appointment)
        case .held(let patient, let until): hold = Hold(patient: patient, until: until)
        case .released: hold = nil
        case .changed(let newCapacity, let isNowBlocked, _):
            capacity = newCapacity ?? capacity
            isBlocked = isNowBlocked ?? isBlocked
            if capacity > 1 { hold = nil }
        case .deleted:
            exists = false
            hold = nil
        }
    }

    private func sinceNobodyHolds(besides patient: UUID? = nil) -> Permission {
        guard let hold, hold.patient != patient else { return .always }
        return .since(hold.until)
    }
}

extension SlotState {
    /// From when on this state explains what a client was told; nil if it never does.
    ///
    /// A live hold, where it takes one, is for ``Sweep`` to see: that one ends.
    func explains(_ observation: SlotObservation) -> Date? {
        if case .notFound = observation { return exists ? nil : .distantPast }
        guard exists, saw(observation) else { return nil }
        switch observation {
        case .notHeld(let patient):
            guard let hold, patient == nil || hold.patient == patient else { return .distantPast }
            return hold.until
        case .read(_, _, .free): return hold?.until ?? .distantPast
        default: return .distantPast
        }
    }

    /// The same but for the clock.
    private func saw(_ observation: SlotObservation) -> Bool {
        switch observation {
        case .taken: !isBlocked && isFull
        case .unavailable: isBlocked
        // A patient is told of a block first, and then of full seats; a change is not.
        case .held(let until, let patient?):
            hold?.until == until && hold?.patient != patient && !isBlocked && !isFull
        case .held(let until, nil): hold?.until == until
        case .notHeld, .notFound: true
        case .stale(let sent, let current): version != sent && version == current ?? version
        case .booked(let sent): version == sent && !appointments.isEmpty
        case .read(let seen, let booked, let status):
            version == seen && appointments.count == booked ?? appointments.count
                && (status.map(mayShow) ?? true)
        }
    }

    private func mayShow(_ status: SlotObservation.Status) -> Bool {
        if isBlocked { return status == .busyUnavailable }
        if isFull { return status == .busy }
        return status == .free || status == .busyTentative && hold != nil
    }
}
