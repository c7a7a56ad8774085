import Clinic
import HTTPTypes
import Hummingbird

extension HTTPFront {
    var clinicRoutes: [Route] {
        [
            Route(.post, "/v1/clinics", for: .operators) { call in
                let body = try call.body(NewClinic.self)
                return try await answer(call) { once in
                    try await calendar.createClinic(
                        name: body.name, timeZone: body.timeZone, by: call.author, once: once)
                } with: {
                    .created($0)
                }
            },
            Route(.get, "/v1/clinics", for: .everyone, query: Query.page) { call in
                try await ListPage(calendar.clinics(call.query.page()), of: call.query).response(
                    to: call)
            },
            Route(.get, "/v1/clinics/{clinic}", for: .everyone) { call in
                let clinic = try await calendar.clinic(call.clinicID)
                return call.found(clinic)
            },
            Route(.patch, "/v1/clinics/{clinic}", for: .admins) { call in
                let version = try call.expectedVersion
                let changes = try call.body(ClinicPatch.self).changes
                let clinic = try await calendar.change(
                    clinic: call.clinicID, changes, ifVersion: version, by: call.author)
                return .changed(clinic)
            },
        ]
    }
}

private struct ClinicPatch: RequestMembers {
    static let names = ["name", "time_zone"]

    var changes = ClinicChanges()

    init(from members: Members) throws {
        changes.name = try members.replacement("name", limit: 200)
        changes.timeZone = try members.replacement("time_zone", limit: 100)
        try members.requireOne()
    }
}

private struct NewClinic: RequestMembers {
    static let names = ["name", "time_zone"]

    let name: String
    let timeZone: String

    init(from members: Members) throws {
        name = try members.text("name", limit: 200)
        timeZone = try members.text("time_zone", limit: 100)
    }
}
