import Clinic
import FoundationEssentials
import HTTPFront
import ServiceTesting

/// A request that changes something, which is sent over a connection that breaks off.
package struct WireRequest: Sendable {
    /// Its method and its path, within a clinic or from the root.
    package let title: String
    /// Whether it goes with an `Idempotency-Key`.
    package let isKeyed: Bool
    /// Makes what it is about, each time anew.
    let prepare: @Sendable (Fixture) async throws -> Sending

    /// What is sent.
    struct Sending: Sendable {
        let path: String
        let token: String?
        var body: String?
        var headers: [String: String] = [:]
    }

    package var method: String { String(title.prefix { $0 != " " }) }

    /// The same with an `Idempotency-Key`, which no `PATCH` takes.
    fileprivate var keyed: WireRequest? {
        method == "PATCH" ? nil : WireRequest(title: title, isKeyed: true, prepare: prepare)
    }

    /// Every request, without a key and with one.
    package static let all = (calendar + booking + administration + records).flatMap {
        [$0, $0.keyed].compactMap(\.self)
    }
}

extension WireRequest {
    /// Sends it once, over a service whose connections stay.
    package func send(in fixture: Fixture) async throws -> Answer {
        let sending = try await prepare(fixture)
        var headers = sending.headers
        if isKeyed { headers["Idempotency-Key"] = UUID().text }
        return try await fixture.service.send(
            method, sending.path, token: sending.token, body: sending.body, headers: headers)
    }
}

extension WireRequest: CustomStringConvertible {
    package var description: String { isKeyed ? "\(title) with a key" : title }
}

extension WireRequest {
    /// A request within a clinic.
    /// - Parameter prepare: Gives the path's end, the body, and what the request is to say besides.
    init(
        _ title: String, as token: @escaping @Sendable (Fixture) -> String = \.receptionist,
        _ prepare:
            @escaping @Sendable (Fixture) async throws -> (
                path: String, body: String?, headers: [String: String]
            )
    ) {
        self.title = title
        isKeyed = false
        self.prepare = { fixture in
            let (path, body, headers) = try await prepare(fixture)
            return Sending(
                path: fixture.path(path), token: token(fixture), body: body,
                headers: headers)
        }
    }

    init(
        title: String, _ prepare: @escaping @Sendable (Fixture) async throws -> Sending
    ) {
        self.title = title
        isKeyed = false
        self.prepare = prepare
    }
}
