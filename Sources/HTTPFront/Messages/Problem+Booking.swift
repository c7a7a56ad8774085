import Clinic
import HTTPTypes

// What the booking of appointments refuses, as problem details.

extension Problem {
    init(_ refused: BookingRefused) {
        let alternatives = [Extra.alternatives(refused.alternatives)]
        switch refused.refusal {
        case .slotNotFound: self.init(CalendarError.slotNotFound)
        case .patientNotFound: self.init(RecordError.patientNotFound)
        case .slotInPast:
            self.init(
                .unprocessableContent, "slot_in_past", "The slot has begun",
                "Choose a slot that starts in the future.")
        case .slotUnavailable:
            self.init(
                .conflict, "slot_unavailable", "The slot is blocked",
                "The clinic does not offer this slot. Choose one of the alternatives.",
                extras: alternatives)
        case .slotTaken:
            self.init(
                .conflict, "slot_taken", "The slot is taken",
                "This slot is booked already. Choose one of the alternatives.",
                extras: alternatives)
        case .slotHeld(let until):
            self.init(
                .conflict, "slot_held", "The slot is held",
                "Another patient holds this slot until \(until.rfc3339). "
                    + "Choose one of the alternatives, or try again then.",
                extras: alternatives, headers: [.retryAfter: until.secondsFromNow])
        case .slotContended:
            self.init(
                .conflict, "slot_contended", "Others want the slot at this moment",
                "Somebody else's booking of this slot is being decided. Try again in a second, or "
                    + "choose another slot.",
                headers: [.retryAfter: "1"])
        case .lockLost: self.init(LockError.lockLost)
        case .patientBusy:
            self.init(
                .conflict, "patient_busy", "The patient has another appointment then",
                "The patient has an appointment at that time already. Choose a slot at another time."
            )
        }
    }

    init(_ error: AppointmentError) {
        switch error {
        case .appointmentNotFound:
            self.init(
                .notFound, "appointment_not_found", "No such appointment",
                "There is no appointment of that id that you may see.")
        case .notActive:
            self.init(
                .conflict, "not_active", "The appointment is cancelled",
                "A cancelled appointment stays cancelled. Book a new one.")
        case .inPast:
            self.init(
                .unprocessableContent, "appointment_in_past", "The appointment has begun",
                "An appointment that has begun can only be changed by the clinic. Call it.")
        case .badTransition(let status):
            self.init(
                .conflict, "bad_transition", "Not from this status",
                "The appointment is \(status.rawValue), and does not become that.")
        }
    }

    init(_ error: HoldError) {
        switch error {
        case .severalSeats:
            self.init(
                .unprocessableContent, "not_holdable", "The slot cannot be held",
                "A slot of several seats is not held. Book a seat.")
        case .tooManyHolds:
            self.init(
                .unprocessableContent, "not_holdable", "The slot cannot be held",
                "The patient holds 20 slots already. End one of the holds first.")
        case .holdNotFound:
            self.init(
                .notFound, "hold_not_found", "No such hold",
                "There is no hold on this slot that you may end; it may have expired.")
        }
    }

    init(_ error: WaitlistError) {
        switch error {
        case .entryNotFound:
            self.init(
                .notFound, "waitlist_entry_not_found", "No such entry of the waitlist",
                "There is no entry of that id that you may see.")
        case .tooManyEntries:
            self.init(
                .unprocessableContent, "waitlist_limit", "The patient waits for enough",
                "The patient waits 20 times already. End one of the entries first.")
        case .alreadyPromoted:
            self.init(
                .conflict, "already_promoted", "The patient has a seat already",
                "The wish has been fulfilled. Cancel the appointment if it is not wanted any more.")
        }
    }
}
