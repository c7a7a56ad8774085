import AsyncHTTPClient
import Clinic
import FoundationEssentials
import HTTPFront
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import NIOFoundationEssentialsCompat
import Postgres
import PostgresTesting
import ServiceLifecycle

/// A running service on a database of its own, and a client that speaks HTTP to it.
package struct Service: Sendable {
    package let database: TestDatabase
    /// Through which the service reaches it.
    package let pool: Database
    package let store: Store
    package let tokens: Tokens
    package let port: Int
    private let client: HTTPClient

    /// Signs the tokens of every test.
    package static let secret = "a secret that only the tests know, long enough"

    fileprivate init(
        database: TestDatabase, pool: Database, store: Store, tokens: Tokens, port: Int,
        client: HTTPClient
    ) {
        self.database = database
        self.pool = pool
        self.store = store
        self.tokens = tokens
        self.port = port
        self.client = client
    }

    /// Sends a request, and holds the answer against `openapi.yaml`.
    /// - Parameters:
    ///   - token: For the `Authorization` header.
    ///   - body: Sent as it is, with `Content-Type: application/json` unless `headers` say else.
    package func send(
        _ method: String, _ path: String, token: String? = nil, body: String? = nil,
        headers: [String: String] = [:]
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.method = .RAW(value: method)
        if let token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
        if let body {
            request.body = .bytes(ByteBuffer(string: body))
            if headers["Content-Type"] == nil {
                request.headers.add(name: "Content-Type", value: "application/json")
            }
        }
        for (name, value) in headers { request.headers.replaceOrAdd(name: name, value: value) }
        let response = try await client.execute(request, timeout: .seconds(60))
        let answer = Answer(
            status: Int(response.status.code),
            headers: Dictionary(
                response.headers.map { ($0.name.lowercased(), $0.value) }, uniquingKeysWith: { $1 }),
            body: String(buffer: try await response.body.collect(upTo: 10 << 20)))
        let breaches = Contract.shared.breaches(of: answer, to: method, path)
        guard breaches.isEmpty else { throw ContractBroken(breaches: breaches) }
        return answer
    }

    /// A service that runs elsewhere, with the same secret, on that database.
    package static func running(on database: TestDatabase, port: Int) async throws -> Service {
        Service(
            database: database, pool: database.service,
            store: Store(database: database.service, environment: .quiet),
            tokens: try await Tokens(secret: secret, keySet: nil), port: port, client: HTTPClient())
    }

    /// Ends the client, for a service that runs elsewhere.
    package func shutdown() async throws { try await client.shutdown() }

    /// An answer that `openapi.yaml` does not allow.
    private struct ContractBroken: Error {
        let breaches: [String]
    }

    /// A token of the given role, good for an hour unless told otherwise.
    package func token(
        _ role: Role, clinic: UUID? = nil, patient: UUID? = nil, subject: String? = nil,
        email: String? = nil, lifetime: TimeInterval = 3600
    ) async throws -> String {
        try await tokens.issue(
            role: role, clinicID: clinic, patientID: patient,
            subject: subject ?? "\(role.rawValue)@test", email: email, lifetime: lifetime)
    }
}

extension ServiceEnvironment {
    /// As in use, but that it logs errors only.
    package static var served: ServiceEnvironment {
        var logger = Logger(label: "test")
        logger.logLevel = .error
        return ServiceEnvironment(logger: logger)
    }

    /// The same where a booking that a test holds up stays where it is.
    package static var quiet: ServiceEnvironment {
        var environment = served
        environment.batchPatience = nil
        return environment
    }
}

/// What the service answered.
package struct Answer: Sendable {
    package let status: Int
    /// By lower-case name.
    package let headers: [String: String]
    package let body: String

    /// The body as JSON.
    package var json: JSONValue {
        get throws { try JSONDecoder().decode(JSONValue.self, from: Data(body.utf8)) }
    }

    /// In a word: the problem's code, or else the status.
    package var told: String { problemCode ?? "\(status)" }

    /// The problem's code; nil if the answer is no problem in the contract's form.
    package var problemCode: String? {
        guard headers["content-type"] == "application/problem+json",
            let problem = try? json,
            problem["status"]?.integer == status,
            let code = problem["code"]?.text,
            problem["type"]?.text == "/problems/\(code)",
            problem["title"]?.text?.isEmpty == false,
            problem["detail"]?.text?.isEmpty == false,
            problem["instance"]?.text?.isEmpty == false
        else { return nil }
        return code
    }
}

/// Calls `body` with a service that runs for this call only.
package func withService<Result: Sendable>(
    limits: Limits = Limits(), environment: ServiceEnvironment = .quiet,
    configure: (inout DatabaseConfiguration) -> Void = { _ in },
    _ body: @Sendable (Service) async throws -> Result
) async throws -> Result {
    var configuration = DatabaseConfiguration(url: "")
    configure(&configuration)
    return try await withTestDatabase { [configuration] database in
        try await database.withService({ pool in
            pool.poolSize = configuration.poolSize
            pool.waitingLimit = configuration.waitingLimit
            pool.leaseTimeout = configuration.leaseTimeout
            pool.lockTimeout = configuration.lockTimeout
        }) { pool in
            try await withService(
                on: database, pool, limits: limits, environment: environment, body)
        }
    }
}

/// Calls `body` with a service on that database, reached through that pool.
package func withService<Result: Sendable>(
    on database: TestDatabase, _ pool: Database, limits: Limits = Limits(),
    environment: ServiceEnvironment = .quiet,
    _ body: @Sendable (Service) async throws -> Result
) async throws -> Result {
    let store = Store(database: pool, environment: environment)
    let logger = store.environment.logger
    let tokens = try await Tokens(secret: Service.secret, keySet: nil)
    let front = HTTPFront(store: store, tokens: tokens, limits: limits)
    let (ports, running) = AsyncStream.makeStream(of: Int.self)
    let server = front.server(host: "127.0.0.1", port: 0, logger: logger) { running.yield($0) }

    var settings = HTTPClient.Configuration()
    settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 2000
    let client = HTTPClient(configuration: settings)
    let lifecycle = ServiceGroup(services: [server], logger: logger)
    let serving = Task {
        // A server that cannot start ends the wait for its port, too.
        defer { running.finish() }
        try await lifecycle.run()
    }
    // Unless the server starts.
    var outcome: Swift.Result<Result, any Error> = .failure(ServerNeverStarted())
    for await port in ports.prefix(1) {
        let service = Service(
            database: database, pool: pool, store: store, tokens: tokens, port: port, client: client
        )
        do {
            outcome = .success(try await body(service))
        } catch {
            outcome = .failure(error)
        }
    }
    try await client.shutdown()
    await lifecycle.triggerGracefulShutdown()
    try await serving.value
    return try outcome.get()
}

private struct ServerNeverStarted: Error {}
