import Clinic
import HTTPTypes
import Hummingbird

// The one place where errors become problem details.

extension Problem {
    /// The problem that an error is to the caller; nil for an error that nobody should see, which
    /// is the service's own fault.
    init?(_ error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let refused as BookingRefused: self.init(refused)
        case let error as AppointmentError: self.init(error)
        case let error as HoldError: self.init(error)
        case let error as WaitlistError: self.init(error)
        case let error as CalendarError: self.init(error)
        case let error as RecordError: self.init(error)
        case let error as RegistrationError: self.init(error)
        case let error as LockError: self.init(error)
        case is IdempotencyKeyReused: self = .idempotencyKeyReused
        case let conflict as VersionConflict: self.init(conflict)
        case let error as InvalidInput: self = .invalidMember(error.member, error.requirement)
        case let error as Unavailable: self.init(error)
        case let error as HTTPError: self.init(error)
        default: return nil
        }
    }

    /// Something went wrong that is not the caller's doing. The log knows more.
    static let internalError = Problem(
        .internalServerError, "internal_error", "Internal error",
        "The service failed to handle this request. Its X-Request-Id finds the reason in the log.")

    static let clinicNotFound = Problem(CalendarError.clinicNotFound)

    init(_ error: CalendarError) {
        switch error {
        case .clinicNotFound:
            self.init(
                .notFound, "clinic_not_found", "No such clinic",
                "There is no clinic of that id that you may see.")
        case .practitionerNotFound:
            self.init(
                .notFound, "practitioner_not_found", "No such practitioner",
                "The clinic has no practitioner of that id.")
        case .slotNotFound:
            self.init(
                .notFound, "slot_not_found", "No such slot", "The clinic has no slot of that id.")
        case .timeOffNotFound:
            self.init(
                .notFound, "time_off_not_found", "No such time off",
                "The clinic has no time off of that id.")
        case .slotOverlap:
            self.init(
                .conflict, "slot_overlap", "The slot overlaps another",
                "The practitioner already has a slot at that time. Choose another time.")
        case .slotBooked:
            self.init(
                .conflict, "slot_booked", "The slot has appointments",
                "Appointments would lose their time or their seat. Move or cancel them first.")
        case .slotHeld(let until):
            self.init(
                .conflict, "slot_held", "The slot is held",
                "A patient holds this slot as it is until \(until.rfc3339). Try again then.",
                headers: [.retryAfter: until.secondsFromNow])
        }
    }

    init(_ error: RecordError) {
        switch error {
        case .clinicNotFound: self.init(CalendarError.clinicNotFound)
        case .patientNotFound:
            self.init(
                .notFound, "patient_not_found", "No such patient",
                "There is no patient of that id that you may see.")
        case .prescriptionNotFound:
            self.init(
                .notFound, "prescription_not_found", "No such prescription",
                "The patient has no prescription of that id.")
        case .insuranceNotFound:
            self.init(
                .notFound, "insurance_not_found", "No such insurance",
                "The patient has no insurance of that id.")
        case .patientExists:
            self.init(
                .conflict, "patient_exists", "The patient exists",
                "A patient of this clinic already has that e-mail address.")
        }
    }

    init(_ error: LockError) {
        switch error {
        case .locked(let lock, let target):
            // Its time may be over already.
            let isKept = lock.onExpiry == .keep
            self.init(
                HTTPResponse.Status(code: 423, reasonPhrase: "Locked"), "locked",
                "Locked by a colleague",
                "\(lock.holder) has this \(target.type.rawValue) (\(lock.reason)) until "
                    + (isKept
                        ? "it is released by hand. Ask for that."
                        : "\(lock.expiresAt.rfc3339). Try again then, or ask for its release."),
                extras: [.lock(lock, target)],
                headers: [.retryAfter: isKept ? "60" : lock.expiresAt.secondsFromNow])
        case .lockLost:
            self.init(
                .preconditionFailed, "lock_lost", "The lock is lost",
                "No lock of that token is yours and covers this now: it expired, was released or "
                    + "broken, or was never yours. Nothing was written. Acquire it again, and look at "
                    + "what has changed.")
        case .lockNotFound:
            self.init(
                .notFound, "lock_not_found", "No such lock",
                "The clinic has no lock of that token; it may have been released.")
        case .notHolder(let lock):
            self.init(
                .forbidden, "forbidden", "Forbidden",
                "\(lock.holder) holds this lock. Only an administrator may break it, with ?force=true."
            )
        }
    }

    private init(_ error: RegistrationError) {
        switch error {
        case .registrationNotFound:
            self.init(
                .notFound, "registration_not_found", "No such registration",
                "The clinic has no registration of that id.")
        case .alreadyRegistered:
            self.init(
                .conflict, "already_registered", "Registered already",
                "A request with this e-mail address waits for a decision. There will be a message.")
        case .alreadyClaimed(let registration):
            self.init(
                .conflict, "already_claimed", "Somebody else reviews it",
                "\(registration.assignedTo ?? "Somebody") has picked this registration. Choose another "
                    + "one, or ask for its release.",
                extras: [.review(registration)])
        case .alreadyDecided(let registration):
            let when = registration.decidedAt.map { " at \($0.rfc3339)" } ?? ""
            self.init(
                .conflict, "already_decided", "Decided already",
                "\(registration.decidedBy ?? "Somebody") has \(registration.status.rawValue) this "
                    + "registration\(when). A decision is final.",
                extras: [.review(registration)])
        case .notClaimed:
            self.init(
                .conflict, "not_claimed", "Nobody reviews it",
                "This registration is in the queue already.")
        }
    }

    private init(_ conflict: VersionConflict) {
        self.init(
            .preconditionFailed, "version_conflict", "Changed meanwhile",
            conflict.summary + " Look at 'current', then send the change again with its ETag in "
                + "If-Match.",
            extras: [.conflict(conflict)], headers: [.eTag: conflict.current.etag])
    }

    private init(_ error: Unavailable) {
        let soon: HTTPFields = [.retryAfter: "1"]
        switch error.reason {
        case .overloaded: self = .overloaded
        case .schemaBehind: self = .notReady(missing: ["migrations"])
        case .lockTimeout:
            self.init(
                .serviceUnavailable, "lock_timeout", "Locked for too long",
                "Somebody else is changing this. Nothing was changed here; try again.",
                headers: soon)
        case .databaseUnreachable:
            self.init(
                .serviceUnavailable, "database_unreachable", "The database cannot be reached",
                "Nothing was changed; try again.", headers: soon)
        case .outcomeUnknown:
            self.init(
                .serviceUnavailable, "outcome_unknown", "The outcome is not known",
                "The change may have been made or not. Repeat the request, under the same "
                    + "Idempotency-Key, to find out.")
        }
    }

    /// What Hummingbird itself refuses.
    private init(_ error: HTTPError) {
        switch error.status {
        case .contentTooLarge: self = .bodyTooLarge
        default: self = .malformedRequest
        }
    }
}

extension VersionConflict {
    /// What has become of the object since the caller saw it, and by whom.
    fileprivate var summary: String {
        if case .registration(let registration) = current {
            if registration.status == .inReview, registration.assignedTo == lastChange.author {
                return "Already picked by \(lastChange.author)."
            }
            if let decidedBy = registration.decidedBy, let decidedAt = registration.decidedAt {
                return
                    "\(decidedBy) has \(registration.status.rawValue) it at \(decidedAt.rfc3339)."
            }
        }
        return "\(lastChange.author) changed this at \(lastChange.at.rfc3339)."
    }
}
