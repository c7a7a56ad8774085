import Clinic
import Foundation
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting
import Testing

@Suite("A service that stops forgets no plain booking", .timeLimit(.minutes(30)))
struct BookingStopTests {
    @Test(
        "a patient whose booking is in progress is answered before the connection closes",
        arguments: ["", "X-Other: 1\r\n"])
    func inProgress(other: String) async throws {
        try await withTestDatabase { db in
            let ended = try await withServe(
                ["--drain-delay", "0s"], on: db,
                environment: ["DATABASE_URL": db.url, "HOLDFAST_JWT_SECRET": Service.secret]
            ) { service, terminate in
                let fixture = try await Fixture(service)
                let slot = try await fixture.slots(1)[0]
                let patient = try await fixture.patients(1)[0]
                // From here on the service knows the token.
                #expect(try await fixture.send("GET", "appointments").status == 200)
                let body =
                    #"{"slot_id": "\#(slot.id.text)", "patient_id": "\#(patient.id.text)"}"#
                let request = """
                    POST \(fixture.path("appointments")) HTTP/1.1\r
                    Host: x\r
                    Authorization: Bearer \(fixture.receptionist)\r
                    Content-Type: application/json\r
                    \(other)Content-Length: \(body.utf8.count)\r
                    \r
                    \(body)
                    """
                let connection = try await RawConnection(to: service)
                try await holding(
                    "SELECT FROM slots WHERE id = \(slot.id) FOR UPDATE", in: db
                ) { hold in
                    async let said = connection.converse([request])
                    try await Sessions(of: db).wait(until: .blocked)
                    try terminate()
                    // Who listens no more has been told to stop.
                    while let late = try? await RawConnection(to: service) {
                        try? await late.close()
                    }
                    hold.release()
                    let answer = try await said
                    #expect(answer.hasPrefix("HTTP/1.1 201 "), "\(answer)")
                    #expect(answer.ranges(of: "HTTP/1.1 ").count == 1)
                    #expect(answer.hasSuffix("}"))
                }
                #expect(try await fixture.appointments(in: slot).count == 1)
            }
            #expect(ended.exitCode == 0, "\(ended.errors)")
            await db.service.close()
        }
    }
}
