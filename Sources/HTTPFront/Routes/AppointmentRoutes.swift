import Clinic
import FoundationEssentials
import HTTPTypes
import Hummingbird

extension HTTPFront {
    var appointmentRoutes: [Route] {
        let path = "/v1/clinics/{clinic}/appointments"
        return [
            Route(.post, path, for: .staffAndPatients) { call in
                let body = try call.body(NewAppointment.self)
                let request = BookingRequest(
                    slotID: body.slotID, patientID: try call.patientID(or: body.patientID),
                    reason: body.reason, author: call.author, lock: try call.lockToken)
                return try await answer(call) { once in
                    try await booking.book(request, in: call.clinicID, once: once)
                } with: {
                    .created($0)
                }
            },
            Route(
                .get, path, for: .staffAndPatients,
                query: ["patient_id", "practitioner_id", "status", "from", "to"] + Query.page
            ) { call in
                var filter = AppointmentFilter()
                filter.patientID = try call.query.id("patient_id")
                filter.practitionerID = try call.query.id("practitioner_id")
                filter.status = try call.query.choice("status")
                (filter.from, filter.to) = try call.query.span()
                return try await ListPage(
                    booking.appointments(
                        in: call.clinicID, of: call.ownPatientID(asking: filter.patientID),
                        where: filter, call.query.page()),
                    of: call.query
                ).response(to: call)
            },
            Route(.get, path + "/{appointment}", for: .staffAndPatients) { call in
                let appointment = try await booking.appointment(
                    call.appointmentID, in: call.clinicID, of: call.caller?.patientID)
                guard let appointment else { throw AppointmentError.appointmentNotFound }
                return call.found(appointment)
            },
        ]
    }

    /// What becomes of an appointment.
    var appointmentChangeRoutes: [Route] {
        let one = "/v1/clinics/{clinic}/appointments/{appointment}"
        return [
            Route(.post, one + "/cancel", for: .staffAndPatients) { call in
                let target = try call.appointmentTarget(version: call.optionalVersion)
                let reason = try call.body(Cancellation.self, mayBeAbsent: true).reason
                return try await answer(call) { once in
                    try await booking.cancel(target, reason: reason, once: once)
                } with: {
                    .changed($0)
                }
            },
            Route(.post, one + "/reschedule", for: .staffAndPatients) { call in
                let target = try call.appointmentTarget(version: call.optionalVersion)
                let slotID = try call.body(NewTime.self).slotID
                return try await answer(call) { once in
                    try await booking.reschedule(target, to: slotID, once: once)
                } with: {
                    .changed($0)
                }
            },
            Route(.post, one + "/status", for: .staff) { call in
                let target = try call.appointmentTarget(version: call.expectedVersion)
                let status = try call.body(NewStatus.self).status
                return try await answer(call) { once in
                    try await booking.setStatus(of: target, to: status, once: once)
                } with: {
                    .changed($0)
                }
            },
        ]
    }
}

extension Call {
    var appointmentID: UUID {
        get throws { try id("appointment", orThrow: AppointmentError.appointmentNotFound) }
    }

    fileprivate func appointmentTarget(version: Int?) throws -> AppointmentTarget {
        AppointmentTarget(
            try appointmentID, in: try clinicID, of: caller?.patientID, version: version,
            under: try lockToken, by: author)
    }

    /// For whom a call is made: a patient makes it for itself, staff say for whom.
    /// - Parameter named: The `patient_id` of the body.
    /// - Throws: `RecordError.patientNotFound` for a patient who names another one.
    func patientID(or named: UUID?) throws -> UUID {
        if let own = try ownPatientID(asking: named) { return own }
        guard let named else { throw Problem.missingMember("patient_id", "must be a UUID") }
        return named
    }

    /// The patient whose things are all that the caller may see; nil for staff, who may see everybody's.
    /// - Throws: `RecordError.patientNotFound` for a patient who asks for another one's.
    func ownPatientID(asking named: UUID?) throws -> UUID? {
        guard let own = caller?.patientID else { return nil }
        guard named == nil || named == own else { throw RecordError.patientNotFound }
        return own
    }
}

private struct NewAppointment: RequestMembers {
    static let names = ["slot_id", "patient_id", "reason"]

    let slotID: UUID
    let patientID: UUID?
    let reason: String?

    init(from members: Members) throws {
        slotID = try members.id("slot_id")
        patientID = try members.optionalID("patient_id")
        reason = try members.optionalText("reason", limit: 1000)
    }
}

private struct Cancellation: RequestMembers {
    static let names = ["reason"]

    let reason: String?

    init(from members: Members) throws {
        reason = try members.optionalText("reason", limit: 1000)
    }
}

private struct NewTime: RequestMembers {
    static let names = ["slot_id"]

    let slotID: UUID

    init(from members: Members) throws { slotID = try members.id("slot_id") }
}

private struct NewStatus: RequestMembers {
    static let names = ["status"]

    let status: AppointmentStatus

    init(from members: Members) throws {
        let choice = try members.requiredChoice("status", WrittenDown.self)
        status =
            switch choice {
            case .arrived: .arrived
            case .fulfilled: .fulfilled
            case .noshow: .noshow
            }
    }

    /// What staff write down; the other statuses come of booking and cancelling.
    private enum WrittenDown: String, CaseIterable {
        case arrived, fulfilled, noshow
    }
}
