import Clinic
import Dispatch
import Foundation
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting
import Testing

@Suite("No client costs the others more than its share", .timeLimit(.minutes(30)))
struct LimitTests {
    @Test(
        "header fields over the limits are refused before anybody looks at them",
        arguments: [(1, 17 * 1024), (120, 1), (20, 1000)])
    func headers(count: Int, length: Int) async throws {
        let value = String(repeating: "x", count: length)
        let fields = (1...count).map { "X-\($0): \(value)\r\n" }.joined()
        try await withService { service in
            let said = try await RawConnection(to: service).converse([
                "GET /healthz HTTP/1.1\r\nHost: x\r\n\(fields)\r\n"
            ])
            #expect(said.hasPrefix("HTTP/1.1 431 "))
            #expect(said.contains(#""code":"headers_too_large""#))
            #expect(said.lowercased().contains("x-request-id: "))
        }
    }

    @Test(
        "what is not HTTP is answered with a problem, too",
        arguments: [
            "NONSENSE\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GE(T / HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET /healthz HTTP/1.1\r\nHost: x\r\nBad Name: y\r\n\r\n",
            "POST /v1/clinics HTTP/1.1\r\nHost: x\r\nContent-Length: y\r\n\r\n",
        ])
    func notHTTP(text: String) async throws {
        try await withService { service in
            let said = try await RawConnection(to: service).converse([text])
            #expect(said.hasPrefix("HTTP/1.1 400 "), "\(said)")
            #expect(said.contains(#""code":"bad_request""#))
            #expect(said.lowercased().contains("content-type: application/problem+json"))
            #expect(said.lowercased().contains("x-request-id: "))
        }
    }

    @Test("a body that is too large is refused while it is still being sent")
    func hugeBody() async throws {
        try await withService { service in
            let token = try await service.token(.operator)
            let head = """
                POST /v1/clinics HTTP/1.1\r
                Host: x\r
                Authorization: Bearer \(token)\r
                Content-Type: application/json\r

                """
            let chunk = "10000\r\n\(String(repeating: "x", count: 0x10000))\r\n"
            for body in [
                ["Content-Length: 1000000000\r\n\r\n{"],
                ["Transfer-Encoding: chunked\r\n\r\n", chunk, chunk],
            ] {
                let said = try await RawConnection(to: service).converse(
                    [head + body[0]] + body.dropFirst())
                #expect(said.hasPrefix("HTTP/1.1 413 "), "\(said)")
                #expect(said.contains(#""code":"body_too_large""#))
            }
        }
    }

    @Test("silent and slow clients are cut off")
    func slow() async throws {
        var limits = Limits()
        limits.headTimeout = .seconds(1)
        limits.bodyTimeout = .milliseconds(500)
        limits.idleTimeout = .milliseconds(500)
        try await withService(limits: limits) { service in
            let token = try await service.token(.operator)
            #expect(try await RawConnection(to: service).converse() == "")
            #expect(try await RawConnection(to: service).converse(["GET / HT"]) == "")
            let answered = try await RawConnection(to: service).converse([
                "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
            ])
            #expect(answered.hasPrefix("HTTP/1.1 200 "))
            let said = try await RawConnection(to: service).converse([
                """
                POST /v1/clinics HTTP/1.1\r
                Host: x\r
                Authorization: Bearer \(token)\r
                Content-Length: 100\r
                \r
                {
                """
            ])
            #expect(said.hasPrefix("HTTP/1.1 408 "))
            #expect(said.contains(#""code":"request_timeout""#))
        }
    }

    @Test("one request too many is refused at once, not after a queue; health checks never are")
    func concurrency() async throws {
        var limits = Limits()
        limits.requests = 2
        try await withService(limits: limits, configure: { $0.lockTimeout = .seconds(60) }) {
            service in
            let fixture = try await Fixture(service)
            let slots = try await fixture.slots(2).map(\.id)
            let patients = try await fixture.patients(3)
            try await holding("SELECT FROM slots FOR UPDATE", in: service.database) { hold in
                async let first = fixture.book(slots[0], as: patients[0])
                async let second = fixture.book(slots[1], as: patients[1])
                try await Sessions(of: service.database).wait(until: .blocked, 2)
                let third = try await fixture.book(slots[0], as: patients[2])
                #expect(third.status == 503)
                #expect(third.problemCode == "overloaded")
                #expect(third.headers["retry-after"] == "1")
                #expect(try await service.send("GET", "/readyz").status == 200)
                hold.release()
                #expect(try await [first.status, second.status] == [201, 201])
            }
            #expect(try await fixture.book(slots[0], as: patients[2]).status == 409)
        }
    }

    @Test("2,000 half-open connections and bodies that dribble keep no booking waiting")
    func halfOpen() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let slot = try await fixture.slots(1)[0].id
            let patient = try await fixture.patients(1)[0]
            let beginnings = [
                "", "GET /v1/clin",
                """
                POST \(fixture.path("appointments")) HTTP/1.1\r
                Host: x\r
                Authorization: Bearer \(fixture.receptionist)\r
                Content-Type: application/json\r
                Content-Length: 60000\r
                \r
                {
                """,
            ]
            var connections: [RawConnection] = []
            for number in 0..<2000 {
                let connection = try await RawConnection(to: service)
                try await connection.send(beginnings[number % 3])
                connections.append(connection)
            }
            let dribbling = Task { [connections] in
                // A byte from each slow sender, round after round, until the test is done.
                while !Task.isCancelled {
                    for number in stride(from: 2, to: connections.count, by: 3) {
                        try? await connections[number].send(" ")
                    }
                }
            }
            #expect(try await fixture.book(slot, as: patient).status == 201)
            dribbling.cancel()
            await dribbling.value
            for connection in connections { try? await connection.close() }
        }
    }
}
