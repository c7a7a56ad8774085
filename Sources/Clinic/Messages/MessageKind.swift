import Postgres

/// What a message tells of: the journal's word for the change.
package enum MessageKind: String, CaseIterable, Sendable, PostgresValue {
    case registrationApproved = "registration.approved"
    case registrationRejected = "registration.rejected"
    case appointmentBooked = "appointment.booked"
    case appointmentCancelled = "appointment.cancelled"
    case appointmentMoved = "appointment.moved"
    case lockBroken = "lock.broken"
    case lockExpired = "lock.expired"
}
