import Clinic
import FoundationEssentials
import HTTPFront
import PostgresTesting
import ServiceTesting
import Testing

@Suite("A change is based on a version, and says so")
struct VersionTests {
    @Test(
        "two administrators change the same clinic: the second is told what it is now, and by whom")
    func conflict() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let path = "/v1/clinics/\(fixture.clinic.id.text)"
            let ann = try await service.token(.admin, clinic: fixture.clinic.id, subject: "ann")
            let ben = try await service.token(.admin, clinic: fixture.clinic.id, subject: "ben")

            let first = try await service.send(
                "PATCH", path, token: ann, body: #"{"name": "Neuer Lindenhof"}"#,
                headers: ["If-Match": "\"1\""])
            #expect(first.status == 200, "\(first.body)")
            #expect(first.headers["etag"] == "\"2\"")
            #expect(try first.json["time_zone"]?.text == "Europe/Berlin")

            let second = try await service.send(
                "PATCH", path, token: ben, body: #"{"time_zone": "Europe/Vienna"}"#,
                headers: ["If-Match": "\"1\""])
            #expect(second.status == 412)
            #expect(second.problemCode == "version_conflict")
            #expect(second.headers["etag"] == "\"2\"")
            #expect(try second.json["current"] == first.json)
            #expect(try second.json["changed_by"]?.text == "ann")
            #expect(try second.json["changed_at"]?.text?.hasSuffix("Z") == true)

            let again = try await service.send(
                "PATCH", path, token: ben, body: #"{"time_zone": "Europe/Vienna"}"#,
                headers: ["If-Match": try #require(second.headers["etag"])])
            #expect(try again.json["name"]?.text == "Neuer Lindenhof")
            #expect(try again.json["time_zone"]?.text == "Europe/Vienna")
        }
    }

    @Test("twenty at once on the same version: one change, nineteen conflicts")
    func race() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let path = fixture.path("practitioners/\(fixture.practitioner.id.text)")
            let barrier = Barrier(20)
            let statuses = try await withThrowingTaskGroup { group in
                for number in 1...20 {
                    group.addTask {
                        await barrier.arrive()
                        return try await service.send(
                            "PATCH", path, token: fixture.admin,
                            body: #"{"name": "Dr. \#(number)"}"#, headers: ["If-Match": "\"1\""]
                        ).status
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.sorted() == [200] + Array(repeating: 412, count: 19))
            let now = try await service.send("GET", path)
            #expect(try now.json["version"]?.integer == 2)
        }
    }

    @Test(
        "without a version, or with anything but one: 428",
        arguments: [nil, "*", "1", "\"x\"", "\"1\", \"2\"", "W/\"1\"", "\"\""])
    func required(field: String?) async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let answer = try await service.send(
                "PATCH", "/v1/clinics/\(fixture.clinic.id.text)", token: fixture.admin,
                body: #"{"name": "A"}"#, headers: field.map { ["If-Match": $0] } ?? [:])
            #expect(answer.problemCode == "precondition_required")
        }
    }

    @Test(
        "a change that cannot be is named and changes nothing",
        arguments: [
            ("{}", "missing_member"), (#"{"name": null}"#, "missing_member"),
            (#"{"nmae": "A"}"#, "unknown_member"),
            (#"{"time_zone": "Mars/Olympus"}"#, "invalid_member"),
        ])
    func invalid(body: String, code: String) async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let path = "/v1/clinics/\(fixture.clinic.id.text)"
            let answer = try await service.send(
                "PATCH", path, token: fixture.admin, body: body, headers: ["If-Match": "\"1\""])
            #expect(answer.problemCode == code, "\(answer.body)")
            #expect(try await service.send("GET", path).json["version"]?.integer == 1)
        }
    }

    @Test("who has the version already gets 304 and no body, until it changes")
    func notModified() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let slot = try #require(try await fixture.slots(1).first)
            let path = fixture.path("slots/\(slot.id.text)")
            for tags in ["\"1\"", "W/\"1\"", "\"7\", \"1\"", "*"] {
                let answer = try await service.send(
                    "GET", path, headers: ["If-None-Match": tags])
                #expect(answer.status == 304, "\(tags)")
                #expect(answer.body.isEmpty)
                #expect(answer.headers["etag"] == "\"1\"")
            }
            let patient = try #require(try await fixture.patients(1).first)
            _ = try await fixture.book(slot.id, as: patient)
            let changed = try await service.send("GET", path, headers: ["If-None-Match": "\"1\""])
            #expect(changed.status == 200)
        }
    }
}
