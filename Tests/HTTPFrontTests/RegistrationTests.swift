import Clinic
import Foundation
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting
import Testing

@Suite("Registrations, each decided once")
struct RegistrationTests {
    @Test("asked for by anybody, picked, let go, approved: one patient, one message, five versions")
    func approved() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let asked = try await service.send(
                "POST", fixture.path("registrations"),
                body: """
                    {"name": "Åsa Lindqvist", "email": "asa@example.org", "birth_date": "1968-02-29"}
                    """)
            #expect(asked.status == 201)
            #expect(try asked.json.names == ["id", "status"])
            let id = try #require(try asked.json["id"]?.text)
            let again = try await service.send(
                "POST", fixture.path("registrations"),
                body: #"{"name": "A", "email": "ASA@example.org", "birth_date": "1968-02-29"}"#)
            #expect(again.problemCode == "already_registered")

            let ada = Administrator(fixture, try await fixture.admin("ada"))
            #expect(
                try await ada.post(id, "claim", 1, #"{"comments": "looks good"}"#).status == 200)
            #expect(try await ada.post(id, "release", 2).status == 200)
            #expect(try await ada.post(id, "claim", 3).json["comments"]?.text == "looks good")
            let approved = try await ada.post(id, "approve", 4)
            #expect(approved.status == 200, "\(approved.body)")
            #expect(approved.headers["etag"] == "\"5\"")
            let registration = try #require(try approved.json["registration"])
            #expect(registration["status"]?.text == "approved")
            #expect(registration["decided_by"]?.text == "ada")
            let patient = try #require(try approved.json["patient"]?["id"]?.text)
            #expect(registration["existing_patient_id"]?.text == patient)
            let record = try await service.send(
                "GET", fixture.path("patients/\(patient)"), token: fixture.admin)
            #expect(try record.json["email"]?.text == "asa@example.org")
            #expect(
                try await messages(service) == ["registration.approved \(id):5 asa@example.org"])
            #expect(try await Verification(store: service.store).run().breaches.isEmpty)
        }
    }

    @Test("rejected for a reason; who asks anew gets another decision")
    func rejected() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let id = try await fixture.registration("asa@example.org").id.text
            let ada = Administrator(fixture, try await fixture.admin("ada"))
            #expect(try await ada.post(id, "reject", 1).problemCode == "unsupported_media_type")
            #expect(try await ada.post(id, "reject", 1, "{}").problemCode == "missing_member")
            let rejected = try await ada.post(id, "reject", 1, #"{"reason": "no such street"}"#)
            #expect(rejected.status == 200)
            #expect(try rejected.json["reason"]?.text == "no such street")
            #expect(try rejected.json["existing_patient_id"] == .null)
            #expect(
                try await messages(service) == ["registration.rejected \(id):2 asa@example.org"])
            let anew = try await fixture.registration("asa@example.org").id.text
            #expect(try await ada.post(anew, "approve", 1).status == 200)
        }
    }

    @Test(
        "an approval links the patient of that e-mail address, whose existence nobody else is told")
    func linked() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let patient = try await fixture.patients(1, named: "asa")[0]
            let id = try await fixture.registration("ASA0@example.org").id.text
            let ada = Administrator(fixture, fixture.admin)
            let seen = try await ada.get(id)
            #expect(try seen.json["existing_patient_id"]?.text == patient.id.text)
            let approved = try await ada.post(id, "approve", 1)
            #expect(try approved.json["patient"]?["id"]?.text == patient.id.text)
            let list = try await service.send("GET", fixture.path("patients"), token: fixture.admin)
            #expect(try list.json["items"]?.list?.count == 1)
            #expect(try await Verification(store: service.store).run().breaches.isEmpty)
        }
    }

    @Test("the second administrator is told who was first: stale 412, current 409")
    func second() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let id = try await fixture.registration().id.text
            let ada = Administrator(fixture, try await fixture.admin("ada"))
            let ben = Administrator(fixture, try await fixture.admin("ben"))
            _ = try await ada.post(id, "claim", 1)

            let stale = try await ben.post(id, "claim", 1)
            #expect(stale.problemCode == "version_conflict")
            #expect(try stale.json["detail"]?.text?.contains("picked by ada") == true)
            #expect(try stale.json["changed_by"]?.text == "ada")
            #expect(try stale.json["current"]?["assigned_to"]?.text == "ada")
            #expect(stale.headers["etag"] == "\"2\"")
            for action in ["claim", "release", "approve"] {
                let current = try await ben.post(id, action, 2)
                #expect(current.problemCode == "already_claimed", "\(action)")
                #expect(try current.json["assigned_to"]?.text == "ada")
            }
            _ = try await ada.post(id, "approve", 2)
            let late = try await ben.post(id, "reject", 2, #"{"reason": "no"}"#)
            #expect(late.problemCode == "version_conflict")
            #expect(try late.json["detail"]?.text?.contains("ada has approved it") == true)
            let decided = try await ben.post(id, "reject", 3, #"{"reason": "no"}"#)
            #expect(decided.problemCode == "already_decided")
            #expect(try decided.json["decided_by"]?.text == "ada")
            #expect(try decided.json["decided_at"]?.text?.hasSuffix("Z") == true)
            #expect(try await messages(service).count == 1)
        }
    }

    @Test("who approves approves what was on the screen: an edit since is a conflict")
    func editedSince() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let id = try await fixture.registration().id.text
            let ada = Administrator(fixture, try await fixture.admin("ada"))
            let ben = Administrator(fixture, try await fixture.admin("ben"))
            #expect(try await ada.patch(id, 1, #"{"name": "Åsa Berg"}"#).status == 200)
            for (action, body) in [
                ("claim", nil), ("approve", nil), ("reject", #"{"reason": "no"}"#),
            ] {
                let answer = try await ben.post(id, action, 1, body)
                #expect(answer.problemCode == "version_conflict", "\(action)")
                #expect(try answer.json["current"]?["name"]?.text == "Åsa Berg")
            }
            #expect(try await messages(service) == [])
            #expect(try await ben.post(id, "approve", 2).status == 200)
        }
    }

    @Test("without a version 428; of nothing 404; nobody's 409; an operator frees anybody's")
    func preconditions() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let id = try await fixture.registration().id.text
            let ada = Administrator(fixture, try await fixture.admin("ada"))
            for action in ["claim", "release", "approve"] {
                let path = fixture.path("registrations/\(id)/\(action)")
                let none = try await service.send("POST", path, token: fixture.admin)
                #expect(none.problemCode == "precondition_required", "\(action)")
                let nobody = try await ada.post(UUID().text, action, 1)
                #expect(nobody.problemCode == "registration_not_found", "\(action)")
            }
            #expect(try await ada.post(id, "release", 1).problemCode == "not_claimed")
            #expect(try await ada.post(id, "claim", 1).status == 200)
            let operators = Administrator(fixture, try await service.token(.operator))
            let freed = try await operators.post(id, "release", 2)
            #expect(try freed.json["status"]?.text == "pending")
        }
    }

    @Test("a merge patch by version: null removes, what is decided stays")
    func merged() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let id = try await fixture.registration().id.text
            let ada = Administrator(fixture, fixture.admin)
            let changed = try await ada.patch(id, 1, #"{"phone": "+49 30 1", "comments": "c"}"#)
            #expect(try changed.json["phone"]?.text == "+49 30 1")
            let removed = try await ada.patch(
                id, 2, #"{"phone": null, "birth_date": "1970-01-01"}"#)
            #expect(try removed.json["phone"] == .null)
            #expect(try removed.json["comments"]?.text == "c")
            #expect(try removed.json["birth_date"]?.text == "1970-01-01")
            #expect(
                try await ada.patch(id, 2, #"{"phone": "1"}"#).problemCode == "version_conflict")
            #expect(try await ada.patch(id, nil, #"{"phone": "1"}"#).status == 428)
            #expect(
                try await ada.patch(id, 3, #"{"email": "x@y"}"#).problemCode == "unknown_member")
            #expect(try await ada.patch(id, 3, #"{"name": null}"#).problemCode == "missing_member")
            #expect(try await ada.patch(id, 3, "{}").problemCode == "missing_member")
            #expect(try await ada.post(id, "approve", 3).status == 200)
            #expect(try await ada.patch(id, 4, #"{"phone": "1"}"#).problemCode == "already_decided")
        }
    }

    @Test("column by column: different columns do not disturb each other, the same one does")
    func tested() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let id = try await fixture.registration().id.text
            let ada = Administrator(fixture, try await fixture.admin("ada"))
            let ben = Administrator(fixture, try await fixture.admin("ben"))
            func edit(_ member: String, from old: String, to new: String) -> String {
                """
                [{"op": "test", "path": "/\(member)", "value": \(old)},
                {"op": "replace", "path": "/\(member)", "value": \(new)}]
                """
            }
            // Both have seen version 1.
            let phone = edit("phone", from: "null", to: #""1""#)
            let comments = edit("comments", from: "null", to: #""c""#)
            #expect(try await ada.jsonPatch(id, phone).status == 200)
            let other = try await ben.jsonPatch(id, comments)
            #expect(other.status == 200)
            #expect(try other.json["phone"]?.text == "1")
            #expect(try other.json["version"]?.integer == 3)

            let same = try await ben.jsonPatch(id, edit("phone", from: "null", to: #""2""#))
            #expect(same.problemCode == "version_conflict")
            #expect(try same.json["current"]?["phone"]?.text == "1")
            let stale = try await ben.jsonPatch(
                id, edit("phone", from: #""1""#, to: #""2""#), version: 1)
            #expect(stale.problemCode == "version_conflict")
            let removed = try await ben.jsonPatch(
                id,
                """
                [{"op": "test", "path": "/status", "value": "pending"},
                {"op": "test", "path": "/assigned_to", "value": null},
                {"op": "remove", "path": "/phone"}]
                """)
            #expect(try removed.json["phone"] == .null)
        }
    }

    @Test(
        "column by column, the second while the first has written and not yet committed",
        arguments: [("comments", 200), ("phone", 412)])
    func testedTogether(member: String, status: Int) async throws {
        try await withService(configure: { $0.lockTimeout = .seconds(60) }) { service in
            let fixture = try await Fixture(service)
            let id = try await fixture.registration().id.text
            let ada = Administrator(fixture, try await fixture.admin("ada"))
            let ben = Administrator(fixture, try await fixture.admin("ben"))
            @Sendable func edit(_ member: String) -> String {
                """
                [{"op": "test", "path": "/\(member)", "value": null},
                {"op": "replace", "path": "/\(member)", "value": "1"}]
                """
            }
            let sessions = Sessions(of: service.database)
            // The journal is the last thing that an edit writes.
            try await holding(
                "LOCK TABLE journal IN SHARE ROW EXCLUSIVE MODE", in: service.database
            ) {
                hold in
                async let first = ada.jsonPatch(id, edit("phone"))
                try await sessions.wait(until: .blocked)
                async let second = ben.jsonPatch(id, edit(member))
                try await sessions.wait(until: .blocked, 2)
                hold.release()
                #expect(try await first.status == 200)
                #expect(try await second.status == status)
            }
            #expect(try await ada.get(id).json["phone"]?.text == "1")
        }
    }

    @Test(
        "a JSON Patch that cannot be is refused",
        arguments: [
            (#"[{"op": "replace", "path": "/phone", "value": "1"}]"#, 428, "precondition_required"),
            (#"[{"op": "test", "path": "/phone", "value": null}]"#, 422, "missing_member"),
            (#"[{"op": "move", "path": "/phone", "from": "/name"}]"#, 422, "invalid_member"),
            (#"[{"op": "test", "path": "phone", "value": null}]"#, 422, "invalid_member"),
            (#"[{"op": "test", "path": "/nothing", "value": null}]"#, 422, "unknown_member"),
            (#"[{"op": "test", "path": "/phone"}]"#, 422, "missing_member"),
            (#"[{"op": "test", "path": "/phone", "value": 7}]"#, 422, "invalid_body"),
            (#"{"phone": "1"}"#, 422, "invalid_body"), ("[", 400, "malformed_json"),
            ("[\u{0}]", 400, "malformed_json"),
            (
                """
                [{"op": "test", "path": "/phone", "value": "1"},
                {"op": "test", "path": "/phone", "value": null},
                {"op": "replace", "path": "/phone", "value": "2"}]
                """, 422, "invalid_member"
            ),
        ])
    func malformed(patch: String, status: Int, code: String) async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let id = try await fixture.registration().id.text
            let answer = try await Administrator(fixture, fixture.admin).jsonPatch(id, patch)
            #expect(answer.status == status, "\(answer.body)")
            #expect(answer.problemCode == code, "\(answer.body)")
        }
    }

    @Test("the queue: by status and by reviewer")
    func queue() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let first = try await fixture.registration().id.text
            let other = try await fixture.registration().id.text
            let ada = Administrator(fixture, try await fixture.admin("ada"))
            _ = try await ada.post(first, "claim", 1)
            for (filter, ids) in [
                ("", [first, other]), ("?status=pending", [other]), ("?assigned_to=ada", [first]),
                ("?status=in_review&assigned_to=ben", []),
            ] {
                let list = try await service.send(
                    "GET", fixture.path("registrations\(filter)"), token: fixture.admin)
                #expect(try list.json["items"]?.list?.compactMap { $0["id"]?.text } == ids)
            }
        }
    }

    private func messages(_ service: Service) async throws -> [String] {
        try await service.database.owner.read { tx in
            tx.pipeline.all(
                Scalar<String>.self,
                "SELECT kind || ' ' || subject || ' ' || recipient FROM outbox ORDER BY id")
        }.map(\.value)
    }
}

/// Somebody who decides, with a token.
private struct Administrator: Sendable {
    private let fixture: Fixture
    private let token: String

    init(_ fixture: Fixture, _ token: String) {
        self.fixture = fixture
        self.token = token
    }

    func get(_ id: String) async throws -> Answer {
        try await fixture.service.send("GET", fixture.path("registrations/\(id)"), token: token)
    }

    func post(
        _ id: String, _ action: String, _ version: Int, _ body: String? = nil
    ) async throws -> Answer {
        try await fixture.service.send(
            "POST", fixture.path("registrations/\(id)/\(action)"), token: token, body: body,
            headers: ["If-Match": "\"\(version)\""])
    }

    func patch(_ id: String, _ version: Int?, _ body: String) async throws -> Answer {
        try await patch(id, version, body, "application/merge-patch+json")
    }

    func jsonPatch(_ id: String, _ body: String, version: Int? = nil) async throws -> Answer {
        try await patch(id, version, body, "application/json-patch+json")
    }

    private func patch(
        _ id: String, _ version: Int?, _ body: String, _ type: String
    ) async throws -> Answer {
        var headers = ["Content-Type": type]
        headers["If-Match"] = version.map { "\"\($0)\"" }
        return try await fixture.service.send(
            "PATCH", fixture.path("registrations/\(id)"), token: token, body: body,
            headers: headers)
    }
}
