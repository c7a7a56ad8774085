import Clinic
import FoundationEssentials
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting

/// What came of a request whose connection to the database was cut at every message.
package struct CutRequest: Sendable {
    /// At how many places it was cut.
    package fileprivate(set) var cuts = 0
    /// How often what was answered.
    package fileprivate(set) var told: [String: Int] = [:]
    package fileprivate(set) var violations: [String] = []
}

extension WireRequest {
    /// The request, up to the first cut behind which something is wrong.
    package var examination: Examination {
        Examination(title: "\(self), cut") { sabotage in
            try await cutEverywhere(tampering: sabotage.tampering, stopsAtViolation: true) {
                try await sabotage.apply(to: $0)
            }.violations
        }
    }

    /// Sends the request over and over; each time the connection to the database is cut one message later,
    /// first of what the service says and then of what the server says.
    ///
    /// What is answered each time is held against what the journal says: a success has its effect, once; a
    /// failure none, unless it says that it does not know. Under a key the request is sent again, till it
    /// succeeds: then it has one effect and one answer.
    package func cutEverywhere(
        tampering: [Tampering] = [], stopsAtViolation stops: Bool = false,
        _ prepareDatabase: @escaping @Sendable (TestDatabase) async throws -> Void = { _ in }
    ) async throws -> CutRequest {
        try await withService { service in
            let fixture = try await Fixture(service)
            let database = service.database
            try await prepareDatabase(database)
            return try await withCutProxy(to: database, tampering: tampering) { proxy in
                try await database.withService({
                    $0.url = proxy.url
                    $0.poolSize = 1
                }) { pool in
                    try await withService(on: database, pool) { unlucky in
                        try await Wire(
                            request: self, fixture: fixture, unlucky: fixture.moved(to: unlucky),
                            proxy: proxy, stops: stops
                        ).cutEverywhere()
                    }
                }
            }
        }
    }
}

/// One service behind a network that breaks off.
private struct Wire: Sendable {
    let request: WireRequest
    let fixture: Fixture
    let unlucky: Fixture
    let proxy: CutProxy
    let stops: Bool

    func cutEverywhere() async throws -> CutRequest {
        var result = CutRequest()
        // What each had changed when it was answered.
        var seen: [String: Int] = [:]
        // How many changes it makes where nothing goes wrong.
        let trial = try await attempt()
        guard trial.answer.isSuccess, trial.changes > 0 else {
            result.violations = ["without a cut: \(trial.answer.told), \(trial.changes) changes"]
            return result
        }
        for side in CutProxy.Side.allCases {
            for place in 0... {
                let cut = try await attempt(cuttingAfter: place, from: side)
                guard cut.isCut else { break }
                result.cuts += 1
                result.told[cut.answer.told, default: 0] += 1
                let wrong = cut.violation(expecting: trial.changes)
                if let wrong { result.violations.append("\(place) of \(side): \(wrong)") }
                if stops && wrong != nil { return result }
                seen[cut.id] = cut.changesThen ?? cut.changes
            }
        }
        // Nothing has taken effect later.
        for (id, count) in seen where try await changes(of: id) != count {
            result.violations.append("a request that had made \(count) changes went on")
        }
        result.violations += try await fixture.breaches()
        return result
    }

    private func attempt(
        cuttingAfter place: Int? = nil, from side: CutProxy.Side = .client
    ) async throws -> CutAttempt {
        let sending = try await request.prepare(fixture)
        // There is a connection, and it has been used.
        _ = try await unlucky.service.send("GET", "/v1/clinics/\(fixture.clinic.id.text)")
        if let place { proxy.cut(after: place, from: side) }
        let id = UUID().text
        var attempt = CutAttempt(id: id, answer: try await send(sending, id))
        attempt.isCut = proxy.rest()
        attempt.changes = try await changes(of: id)
        guard request.isKeyed else { return attempt }
        attempt.again = try await send(sending, id)
        attempt.changesThen = try await changes(of: id)
        return attempt
    }

    private func send(_ sending: WireRequest.Sending, _ id: String) async throws -> Answer {
        var headers = sending.headers
        headers["X-Request-Id"] = id
        if request.isKeyed { headers["Idempotency-Key"] = id }
        return try await unlucky.service.send(
            request.method, sending.path, token: sending.token, body: sending.body,
            headers: headers)
    }

    /// How many rows of the journal a request has written.
    private func changes(of requestID: String) async throws -> Int {
        try await fixture.service.database.owner.read { tx in
            tx.pipeline.one(
                Scalar<Int>.self, "SELECT count(*) FROM journal WHERE request_id = \(requestID)")
        }.value
    }
}

/// A request that was sent, and what it changed.
private struct CutAttempt {
    let id: String
    let answer: Answer
    var isCut = false
    var changes = 0
    /// What the same request was answered under the same key, and what had been changed then.
    var again: Answer?
    var changesThen: Int?

    /// - Parameter whole: How many changes it makes, or else none.
    func violation(expecting whole: Int) -> String? {
        let allowed =
            answer.isSuccess ? [whole] : answer.told == "outcome_unknown" ? [0, whole] : [0]
        guard allowed.contains(changes) else { return "told \(answer.told), \(changes) changes" }
        guard answer.isSuccess || answer.status == 503 else { return "told \(answer.told)" }
        guard let again else { return nil }
        guard again.isSuccess, changesThen == whole else {
            return "told \(answer.told), then \(again.told), \(changesThen ?? 0) changes"
        }
        let isSame = again.status == answer.status && again.body == answer.body
        guard !answer.isSuccess || isSame && again.headers["idempotency-replayed"] == "true"
        else { return "told \(answer.body), then \(again.body)" }
        return nil
    }
}

extension Answer {
    fileprivate var isSuccess: Bool { (200..<300).contains(status) }
}
