import Clinic
import Foundation
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting
import Testing

@Suite("holdfast verify")
struct VerifyTests {
    @Test(
        "whole data: exit code 0; a broken rule: 1, and which row breaks it, as a table and as JSON"
    )
    func verify() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            try await fixture.bookings(2)
            let whole = try await verify(service)
            #expect(whole.exitCode == 0)
            #expect(whole.output.hasPrefix("verified: 1 clinics, "))
            #expect(whole.output.hasSuffix(" rules, 0 breaches\n"))
            try await service.database.owner.transaction { tx in
                try tx.execute("UPDATE slots SET booked = 0")
            }
            let broken = try await verify(service)
            #expect(broken.exitCode == 1)
            let lines = broken.output.split(separator: "\n")
            #expect(lines.count == 4)
            #expect(lines[1].hasPrefix("4") && lines[1].contains(fixture.clinic.id.text))
            let report = try await verify(service, "--json")
            #expect(report.exitCode == 1)
            let json = try JSONDecoder().decode(JSONValue.self, from: Data(report.output.utf8))
            #expect(json["breaches"]?.list?.count == 2)
            #expect(json["breaches"]?.list?.first?["invariant"]?.integer == 4)
            #expect(json["breaches"]?.list?.first?["clinic_id"]?.text == fixture.clinic.id.text)
        }
    }

    private func verify(_ service: Service, _ arguments: String...) async throws -> Ended {
        try await holdfast(
            ["verify"] + arguments, environment: ["DATABASE_URL": service.database.url])
    }
}
