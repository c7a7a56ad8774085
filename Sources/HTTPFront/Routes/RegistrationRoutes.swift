import Clinic
import FoundationEssentials
import HTTPTypes
import Hummingbird

extension HTTPFront {
    var registrationRoutes: [Route] {
        let path = "/v1/clinics/{clinic}/registrations"
        let one = path + "/{registration}"
        return [
            Route(.post, path, for: .everyone) { call in
                let body = try call.body(NewRegistration.self)
                return try await answer(call) { once in
                    try await admin.register(
                        body.draft, in: call.clinicID, by: call.author, once: once)
                } with: { made in
                    .created(Receipt(registration: made), at: made.path, etag: made.etag)
                }
            },
            Route(
                .get, path, for: .admins, query: ["status", "assigned_to"] + Query.page
            ) { call in
                try await ListPage(
                    admin.registrations(
                        in: call.clinicID, status: call.query.choice("status"),
                        assignedTo: call.query.text("assigned_to", limit: 255), call.query.page()),
                    of: call.query
                ).response(to: call)
            },
            Route(.get, one, for: .admins) { call in
                let registration = try await admin.registration(
                    call.registrationID, in: call.clinicID)
                // No 304: a patient made elsewhere changes it without a new version.
                return .changed(registration)
            },
            Route(.patch, one, for: .admins) { call in
                let patch = try call.patch()
                let version = patch.hasTests ? try call.optionalVersion : try call.expectedVersion
                let expected = try patch.expectations(RegistrationTests.self).expectations
                let changes = try patch.replacements(RegistrationPatch.self).changes
                return try await .changed(
                    admin.edit(call.target(version: version), changes, where: expected))
            },
            Route(.post, one + "/claim", for: .admins) { call in
                let version = try call.expectedVersion
                let comments = try call.body(Comments.self, mayBeAbsent: true).comments
                return try await answer(call) { once in
                    try await admin.claim(
                        call.target(version: version), comments: comments, once: once)
                } with: {
                    .changed($0)
                }
            },
            Route(.post, one + "/release", for: .admins) { call in
                let version = try call.expectedVersion
                _ = try call.body(NoMembers.self, mayBeAbsent: true)
                return try await answer(call) { once in
                    try await admin.release(
                        call.target(version: version), anybodys: call.caller?.role == .operator,
                        once: once)
                } with: {
                    .changed($0)
                }
            },
            Route(.post, one + "/approve", for: .admins) { call in
                let version = try call.expectedVersion
                _ = try call.body(NoMembers.self, mayBeAbsent: true)
                return try await answer(call) { once in
                    try await admin.approve(call.target(version: version), once: once)
                } with: { approval in
                    .ok(approval, etag: approval.registration.etag)
                }
            },
            Route(.post, one + "/reject", for: .admins) { call in
                let version = try call.expectedVersion
                let reason = try call.body(Reason.self).reason
                return try await answer(call) { once in
                    try await admin.reject(
                        call.target(version: version), reason: reason, once: once)
                } with: {
                    .changed($0)
                }
            },
        ]
    }
}

extension Call {
    fileprivate var registrationID: UUID {
        get throws {
            try id("registration", orThrow: RegistrationError.registrationNotFound)
        }
    }

    fileprivate func target(version: Int?) throws -> RegistrationTarget {
        RegistrationTarget(
            try registrationID, in: try clinicID, version: version, by: author)
    }
}

/// What somebody learns whose request was taken down.
private struct Receipt: Representation {
    let registration: Registration

    func write(to members: inout MemberWriter) {
        members.write("id", registration.id)
        members.write("status", registration.status.rawValue)
    }
}

private struct NewRegistration: RequestMembers {
    static let names = ["name", "email", "phone", "birth_date"]

    let draft: PatientDraft

    init(from members: Members) throws {
        draft = try PatientDraft(
            name: members.text("name", limit: 200),
            email: members.email("email"),
            phone: members.optionalText("phone", limit: 50),
            birthDate: members.text("birth_date", limit: 10),
            now: Date())
    }
}

/// The members that may be changed.
private struct RegistrationPatch: RequestMembers {
    static let names = ["name", "phone", "birth_date", "comments"]

    var changes = RegistrationChanges()

    init(from members: Members) throws {
        try members.requireOne()
        changes.name = try members.replacement("name", limit: 200)
        changes.phone = try members.optionalReplacement("phone", limit: 50)
        changes.birthDate = try members.replacement("birth_date", limit: 10).map {
            try PatientDraft.birthDate($0, now: Date())
        }
        changes.comments = try members.optionalReplacement("comments", limit: 2000)
    }
}

/// The members that may be tested.
private struct RegistrationTests: RequestMembers {
    static let names = RegistrationPatch.names + ["email", "status", "assigned_to"]

    var expectations = RegistrationExpectations()

    init(from members: Members) throws {
        expectations.name = try members.replacement("name", limit: 200)
        expectations.email = try members.replacement("email", limit: 254)
        expectations.phone = try members.optionalReplacement("phone", limit: 50)
        expectations.birthDate = try members.replacement("birth_date", limit: 10).map {
            try PatientDraft.birthDate($0, now: Date())
        }
        expectations.comments = try members.optionalReplacement("comments", limit: 2000)
        expectations.status = try members.choice("status")
        expectations.assignedTo = try members.optionalReplacement("assigned_to", limit: 255)
    }
}

private struct Comments: RequestMembers {
    static let names = ["comments"]

    let comments: String?

    init(from members: Members) throws {
        comments = try members.optionalText("comments", limit: 2000)
    }
}

private struct Reason: RequestMembers {
    static let names = ["reason"]

    let reason: String

    init(from members: Members) throws { reason = try members.text("reason", limit: 1000) }
}
