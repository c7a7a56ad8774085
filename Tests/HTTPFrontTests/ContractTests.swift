import Clinic
import Foundation
import HTTPTypes
import Logging
import Postgres
import ServiceTesting
import Testing
import Yams

@testable import HTTPFront

@Suite("openapi.yaml and the service say the same")
struct ContractTests {
    @Test("every route in one is in the other, and open to the same callers")
    func routes() async throws {
        let contract = try contract()
        let paths = try #require(contract["paths"] as? [String: [String: Any]])
        var described: Set<String> = []
        for (path, item) in paths {
            for (method, operation) in item where method != "parameters" {
                let security = (operation as? [String: Any])?["security"] as? [[String: Any]]
                // No token at all, or one that may be left out.
                let isOpen = security.map { $0.isEmpty || $0.contains { $0.isEmpty } } ?? false
                described.insert("\(method.uppercased()) \(path) \(isOpen ? "open" : "token")")
            }
        }
        let front = HTTPFront(
            store: Store(
                database: Database(DatabaseConfiguration(url: "")),
                environment: ServiceEnvironment(logger: Logger(label: "test"))),
            tokens: try await Tokens(secret: Service.secret, keySet: nil)
        )
        let served = front.routes.map { route in
            let isOpen = if case .everyone = route.access { true } else { false }
            return "\(route.method.rawValue) \(route.path) \(isOpen ? "open" : "token")"
        }
        #expect(described.symmetricDifference(served) == [])
        #expect(served.count == Set(served).count)
    }

    @Test("every problem code that the service knows is in the contract, and no other")
    func codes() throws {
        let text = try text(of: "openapi.yaml")
        let sources = try [
            "Messages/Problem+Errors.swift", "Messages/Problem+Booking.swift",
            "Messages/Problem+Requests.swift", "Messages/Members.swift",
        ]
        .map { try self.text(of: "Sources/HTTPFront/\($0)") }.joined()
        let codes = Set(
            sources.matches(of: /\.[a-zA-Z]+, "([a-z_]+)", "/).map { String($0.output.1) })
        #expect(codes.count > 20)
        for code in codes {
            let isDescribed = text.contains("`\(code)`")
            #expect(isDescribed, "\(code) is not in openapi.yaml")
        }
    }

    @Test("the service hands its contract out")
    func handedOut() async throws {
        try await withService { service in
            let answer = try await service.send("GET", "/openapi.yaml")
            #expect(answer.headers["content-type"] == "application/yaml")
            #expect(try answer.body == text(of: "openapi.yaml"))
        }
    }

    private func contract() throws -> [String: Any] {
        try #require(try Yams.load(yaml: text(of: "openapi.yaml")) as? [String: Any])
    }

    private func text(of path: String) throws -> String {
        let project = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../..").standardized
        return try String(contentsOf: project.appending(path: path), encoding: .utf8)
    }
}
