import Clinic
import Foundation
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting
import Testing

@Suite(
    "A message that breaks off has no effect, and harms none before it", .timeLimit(.minutes(30)))
struct BrokenMessageTests {
    /// How a request with all of its JSON can still lack its end.
    enum Breakage: CaseIterable {
        case tooShort, leavesEarly, noLastChunk, badChunk

        var status: String {
            switch self {
            case .tooShort, .noLastChunk: "HTTP/1.1 408 "
            case .leavesEarly, .badChunk: "HTTP/1.1 400 "
            }
        }

        func message(_ head: String, _ body: String) -> String {
            let chunk = "\(String(body.utf8.count, radix: 16))\r\n\(body)\r\n"
            return switch self {
            case .tooShort, .leavesEarly:
                head + "Content-Length: \(body.utf8.count + 1)\r\n\r\n" + body
            case .noLastChunk: head + "Transfer-Encoding: chunked\r\n\r\n" + chunk
            case .badChunk: head + "Transfer-Encoding: chunked\r\n\r\n" + chunk + "ZZ\r\n"
            }
        }
    }

    @Test("a booking whose end never comes is not made", arguments: Breakage.allCases)
    func truncated(_ breakage: Breakage) async throws {
        var limits = Limits()
        limits.bodyTimeout = .milliseconds(500)
        try await withService(limits: limits) { service in
            let fixture = try await Fixture(service)
            let (head, body) = try await booking(fixture)
            let said = try await RawConnection(to: service).converse(
                [breakage.message(head, body)], thenLeave: breakage == .leavesEarly)
            // Who has left gets no answer for certain.
            #expect(said.hasPrefix(breakage.status) || breakage == .leavesEarly, "\(said)")
            #expect(said.ranges(of: "HTTP/1.1 ").count <= 1)
            let made = try await appointments(fixture)
            #expect(made == 0)
        }
    }

    @Test("nonsense behind a request that is being worked on: that one is answered first")
    func nonsenseBehind() async throws {
        try await withService(configure: { $0.lockTimeout = .seconds(60) }) { service in
            let fixture = try await Fixture(service)
            let (head, body) = try await booking(fixture)
            let request = head + "Content-Length: \(body.utf8.count)\r\n\r\n" + body
            let huge = "GET / HTTP/1.1\r\nX: \(String(repeating: "x", count: 17 * 1024))\r\n\r\n"
            for (behind, status) in [("NONSENSE\r\n\r\n", "400"), (huge, "431")] {
                let connection = try await RawConnection(to: service)
                try await holding("LOCK TABLE slots", in: service.database) { hold in
                    async let said = connection.converse([request + behind])
                    try await Sessions(of: service.database).wait(until: .blocked)
                    hold.release()
                    // The first time it is booked, the second time taken.
                    let statuses = try await said.matches(of: #/HTTP/1.1 ([0-9]{3})/#).map(\.1)
                    #expect(statuses == [status == "400" ? "201" : "409", Substring(status)])
                }
            }
            let made = try await appointments(fixture)
            #expect(made == 1)
        }
    }

    @Test("nonsense in the body of a request that was refused before its end: one answer")
    func nonsenseBehindRefusal() async throws {
        try await withService { service in
            let said = try await RawConnection(to: service).converse(
                [
                    """
                    POST /v1/clinics HTTP/1.1\r
                    Host: x\r
                    Transfer-Encoding: chunked\r
                    \r

                    """
                ], onceAnswered: ["ZZ\r\n"])
            #expect(said.hasPrefix("HTTP/1.1 401 "))
            #expect(said.ranges(of: "HTTP/1.1 ").count == 1, "\(said)")
        }
    }

    @Test("a request for another protocol is answered in this one, and is the connection's last")
    func upgrade() async throws {
        try await withService { service in
            let said = try await RawConnection(to: service).converse([
                """
                GET /healthz HTTP/1.1\r
                Host: x\r
                Connection: Upgrade, HTTP2-Settings\r
                Upgrade: h2c\r
                HTTP2-Settings: AAMAAABkAAQAAP__\r
                \r

                """
            ])
            #expect(said.hasPrefix("HTTP/1.1 200 "))
            #expect(said.lowercased().contains("connection: close"))
            #expect(said.hasSuffix(#"{"status":"ok"}"#))
        }
    }

    @Test("a client that asks and does not read is cut off")
    func neverReads() async throws {
        var limits = Limits()
        limits.writeTimeout = .milliseconds(500)
        try await withService(limits: limits) { service in
            let connection = try await RawConnection(to: service)
            let request = "GET /openapi.yaml HTTP/1.1\r\nHost: x\r\n\r\n"
            // More than the buffers of both sides can hold.
            try await connection.send(String(repeating: request, count: 1000))
            // The end of the connection is what ends this.
            while (try? await connection.send("GET ")) != nil {}
            // The service stops at once: no request of that client is waited for any more.
        }
    }

    @Test("a load balancer may ask for the health in HTTP/1.0, without Host")
    func oldHealthCheck() async throws {
        try await withService { service in
            for (path, status) in [("/readyz", "200"), ("/v1/clinics", "400")] {
                let said = try await RawConnection(to: service).converse([
                    "GET \(path) HTTP/1.0\r\n\r\n"
                ])
                #expect(said.contains(" \(status) "), "\(said)")
            }
        }
    }

    /// A head that wants its framing, and a body, that book a slot.
    private func booking(_ fixture: Fixture) async throws -> (head: String, body: String) {
        let slot = try await fixture.slots(1)[0]
        let patient = try await fixture.patients(1)[0]
        let head = """
            POST \(fixture.path("appointments")) HTTP/1.1\r
            Host: x\r
            Authorization: Bearer \(fixture.receptionist)\r
            Content-Type: application/json\r

            """
        return (head, #"{"slot_id": "\#(slot.id.text)", "patient_id": "\#(patient.id.text)"}"#)
    }

    private func appointments(_ fixture: Fixture) async throws -> Int {
        let answer = try await fixture.service.send(
            "GET", fixture.path("appointments"), token: fixture.receptionist)
        return try #require(try answer.json["items"]?.list).count
    }
}
