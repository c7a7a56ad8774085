/// What the journal has rows about, under the names that the API gives them.
package enum ObjectType: String, CaseIterable, Sendable {
    case clinic
    case practitioner
    case slot
    case patient
    case appointment
    case registration
    case prescription
    case insurance
    case lock
    case waitlistEntry = "waitlist_entry"
    case timeOff = "time_off"
}
