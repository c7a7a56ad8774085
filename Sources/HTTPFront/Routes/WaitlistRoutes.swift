import Clinic
import FoundationEssentials
import Hummingbird

extension HTTPFront {
    var waitlistRoutes: [Route] {
        let path = "/v1/clinics/{clinic}/waitlist"
        return [
            Route(.post, path, for: .staffAndPatients) { call in
                let body = try call.body(NewEntry.self)
                let request = try WaitlistRequest(
                    patientID: try call.patientID(or: body.patientID),
                    practitionerID: body.practitionerID, from: body.from, to: body.to,
                    author: call.author, lock: try call.lockToken)
                return try await answer(call) { once in
                    try await waitlist.join(request, in: call.clinicID, once: once)
                } with: {
                    .created($0)
                }
            },
            Route(
                .get, path, for: .staffAndPatients, query: ["patient_id", "status"] + Query.page
            ) { call in
                let asked = try call.query.id("patient_id")
                return try await ListPage(
                    waitlist.entries(
                        in: call.clinicID, of: call.ownPatientID(asking: asked) ?? asked,
                        status: call.query.choice("status"), call.query.page()),
                    of: call.query
                ).response(to: call)
            },
            Route(.get, path + "/{entry}", for: .staffAndPatients) { call in
                try await call.found(
                    waitlist.entry(
                        call.entryID, in: call.clinicID, of: call.caller?.patientID))
            },
            Route(.delete, path + "/{entry}", for: .staffAndPatients) { call in
                let id = try call.entryID
                let lock = try call.lockToken
                return try await answer(call) { once in
                    try await waitlist.withdraw(
                        id, in: call.clinicID, of: call.caller?.patientID, under: lock,
                        by: call.author, once: once)
                } with: {
                    .noContent
                }
            },
        ]
    }
}

extension Call {
    fileprivate var entryID: UUID {
        get throws { try id("entry", orThrow: WaitlistError.entryNotFound) }
    }
}

private struct NewEntry: RequestMembers {
    static let names = ["patient_id", "practitioner_id", "from", "to"]

    let patientID: UUID?
    let practitionerID: UUID?
    let from: Date
    let to: Date

    init(from members: Members) throws {
        patientID = try members.optionalID("patient_id")
        practitionerID = try members.optionalID("practitioner_id")
        from = try members.instant("from")
        to = try members.instant("to")
    }
}
