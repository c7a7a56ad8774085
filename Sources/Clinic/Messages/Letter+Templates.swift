// What the service writes to people: every message's words are here.

extension Letter {
    /// The letter that tells of a change.
    /// - Throws: ``MissingFact`` if the journal does not hold what the letter says.
    init(_ kind: MessageKind, _ facts: MessageFacts) throws(MissingFact) {
        let clinic = facts.clinicName
        switch kind {
        case .registrationApproved:
            self.init(
                "You are registered at \(clinic)", facts,
                opening: "your registration at \(clinic) has been approved.",
                closing: "You can book appointments now.")
        case .registrationRejected:
            self.init(
                "Your registration at \(clinic)", facts,
                opening: "your registration at \(clinic) could not be accepted.",
                details: [Detail(label: "Reason", value: try facts.required(\.reason))],
                closing: "If you think that this is a mistake, please call us.")
        case .appointmentBooked:
            let visit = try facts.required(\.visit)
            self.init(
                "Your appointment on \(visit.start)", facts,
                opening: facts.hasWaited
                    ? "a time has become free for which you were waiting, and you have an appointment "
                        + "at \(clinic)." : "you have an appointment at \(clinic).",
                details: visit.details,
                closing: "If you cannot come, please cancel it: somebody else may need the time.")
        case .appointmentCancelled:
            let visit = try facts.required(\.visit)
            self.init(
                "Cancelled: your appointment on \(visit.start)", facts,
                opening: "your appointment at \(clinic) has been cancelled.",
                details: visit.details
                    + (facts.reason.map { [Detail(label: "Reason", value: $0)] } ?? []),
                closing: "If you still need one, please book another time.")
        case .appointmentMoved:
            let visit = try facts.required(\.visit)
            self.init(
                "Moved: your appointment is now on \(visit.start)", facts,
                opening: "your appointment at \(clinic) has been moved.",
                details: visit.details
                    + (facts.previousStart.map { [Detail(label: "Before", value: $0)] } ?? []),
                closing: "If you cannot come, please cancel it: somebody else may need the time.")
        case .lockBroken:
            self.init(
                "Your lock has been broken", facts,
                opening: "\(facts.author) has broken a lock of yours on a record at \(clinic).",
                details: [Detail(label: "Your reason", value: try facts.required(\.reason))],
                closing: "What you have not saved cannot be saved under it any more.")
        case .lockExpired:
            self.init(
                "Your lock has expired", facts,
                opening:
                    "a lock of yours on a record at \(clinic) has expired, and the record is free.",
                details: [Detail(label: "Your reason", value: try facts.required(\.reason))],
                closing: "What you have not saved cannot be saved under it any more.")
        }
    }

    private init(
        _ subject: String, _ facts: MessageFacts, opening: String, details: [Detail] = [],
        closing: String
    ) {
        self.init(
            subject: subject, name: facts.name, clinic: facts.clinicName, opening: opening,
            details: details, closing: closing)
    }
}

extension MessageFacts.Visit {
    /// What the reader puts into a diary.
    fileprivate var details: [Letter.Detail] {
        [
            Letter.Detail(label: "When", value: "\(start) to \(end) (\(timeZone))"),
            Letter.Detail(label: "With", value: practitionerName),
        ]
    }
}
