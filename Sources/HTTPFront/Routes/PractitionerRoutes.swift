import Clinic
import HTTPTypes
import Hummingbird

extension HTTPFront {
    var practitionerRoutes: [Route] {
        let path = "/v1/clinics/{clinic}/practitioners"
        return [
            Route(.post, path, for: .admins) { call in
                let body = try call.body(NewPractitioner.self)
                return try await answer(call) { once in
                    try await calendar.createPractitioner(
                        name: body.name, specialty: body.specialty, in: call.clinicID,
                        by: call.author, once: once)
                } with: {
                    .created($0)
                }
            },
            Route(.get, path, for: .everyone, query: Query.page) { call in
                try await ListPage(
                    calendar.practitioners(in: call.clinicID, call.query.page()), of: call.query
                ).response(to: call)
            },
            Route(.get, path + "/{practitioner}", for: .everyone) { call in
                let practitioner = try await calendar.practitioner(
                    call.id("practitioner", orThrow: CalendarError.practitionerNotFound),
                    in: call.clinicID)
                return call.found(practitioner)
            },
            Route(.patch, path + "/{practitioner}", for: .admins) { call in
                let version = try call.expectedVersion
                let changes = try call.body(PractitionerPatch.self).changes
                let practitioner = try await calendar.change(
                    practitioner: call.id(
                        "practitioner", orThrow: CalendarError.practitionerNotFound),
                    in: call.clinicID, changes, ifVersion: version, by: call.author)
                return .changed(practitioner)
            },
        ]
    }
}

private struct PractitionerPatch: RequestMembers {
    static let names = ["name", "specialty"]

    var changes = PractitionerChanges()

    init(from members: Members) throws {
        changes.name = try members.replacement("name", limit: 200)
        changes.specialty = try members.replacement("specialty", limit: 100)
        try members.requireOne()
    }
}

private struct NewPractitioner: RequestMembers {
    static let names = ["name", "specialty"]

    let name: String
    let specialty: String

    init(from members: Members) throws {
        name = try members.text("name", limit: 200)
        specialty = try members.text("specialty", limit: 100)
    }
}
