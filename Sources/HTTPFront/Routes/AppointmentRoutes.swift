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
                let appointment = try await booking.book(
                    BookingRequest(
                        slotID: body.slotID,
                        patientID: try body.patientID(for: call.caller),
                        reason: body.reason,
                        author: call.author,
                        lock: try call.lockToken),
                    in: call.clinicID)
                return .created(
                    appointment,
                    at: "/v1/clinics/\(appointment.clinicID.text)"
                        + "/appointments/\(appointment.id.text)",
                    etag: appointment.version.etag)
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
                let own = call.caller?.patientID
                // A patient sees its own appointments only, whatever it asks for.
                guard own == nil || filter.patientID == nil || filter.patientID == own else {
                    throw RecordError.patientNotFound
                }
                return try await ListPage(
                    booking.appointments(
                        in: call.clinicID, of: own, where: filter, call.query.page()),
                    of: call.query
                ).response(to: call)
            },
            Route(.get, path + "/{appointment}", for: .staffAndPatients) { call in
                let appointment = try await booking.appointment(
                    call.id("appointment", orThrow: Problem.appointmentNotFound),
                    in: call.clinicID, of: call.caller?.patientID)
                guard let appointment else { throw Problem.appointmentNotFound }
                return call.found(appointment, etag: appointment.version.etag)
            },
        ]
    }
}

private struct NewAppointment: RequestMembers {
    static let names = ["slot_id", "patient_id", "reason"]

    let slotID: UUID
    let reason: String?
    private let patientID: UUID?

    init(from members: Members) throws {
        slotID = try members.id("slot_id")
        patientID = try members.optionalID("patient_id")
        reason = try members.optionalText("reason", limit: 1000)
    }

    /// A patient books for itself; staff say for whom.
    func patientID(for caller: Caller?) throws -> UUID {
        if let own = caller?.patientID {
            guard patientID == nil || patientID == own else { throw RecordError.patientNotFound }
            return own
        }
        guard let patientID else { throw Problem.missingMember("patient_id", "must be a UUID") }
        return patientID
    }
}
