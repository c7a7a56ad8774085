import Clinic
import FoundationEssentials
import HTTPFront
import Postgres
import PostgresTesting

/// Staff who lock patients' records, over HTTP.
package struct LockDesk: Sendable {
    package let fixture: Fixture
    package let ann: String
    package let bob: String
    package let cat: String

    /// - Parameter prefix: Of the patients' names, where the clinic has another desk.
    package init(_ fixture: Fixture, prefix: String = "") async throws {
        self.fixture = fixture
        ann = try await fixture.patient(named: prefix + "ann").id.text
        bob = try await fixture.patient(named: prefix + "bob").id.text
        cat = try await fixture.patient(named: prefix + "cat").id.text
    }

    /// The same people and patients, on a service that was started since.
    package func moved(to service: Service) -> LockDesk {
        LockDesk(fixture: fixture.moved(to: service), ann: ann, bob: bob, cat: cat)
    }

    private init(fixture: Fixture, ann: String, bob: String, cat: String) {
        self.fixture = fixture
        self.ann = ann
        self.bob = bob
        self.cat = cat
    }

    package var service: Service { fixture.service }
    package var admin: String { fixture.admin }

    package func path(_ collection: String) -> String { fixture.path(collection) }

    /// The ids of so many more patients.
    package func patients(_ count: Int) async throws -> [String] {
        try await fixture.patients(count, named: "more").map(\.id.text)
    }

    /// The token of a receptionist of that name.
    package func token(_ name: String) async throws -> String {
        try await service.token(
            .receptionist, clinic: fixture.clinic.id, subject: name, email: "\(name)@example.org")
    }

    package func acquire(
        as name: String, _ patients: [String], reason: String = "a visit", seconds: Int = 900,
        mode: String = "reentrant", onExpiry: String = "release"
    ) async throws -> Answer {
        let targets = patients.map { #"{"type": "patient", "id": "\#($0)"}"# }
        return try await service.send(
            "POST", path("locks"), token: try await token(name),
            body: """
                {"targets": [\(targets.joined(separator: ","))], "reason": "\(reason)",
                "ttl_seconds": \(seconds), "mode": "\(mode)", "on_expiry": "\(onExpiry)"}
                """)
    }

    package func release(
        _ token: String, as name: String, _ query: String = "", key: String? = nil
    ) async throws -> Answer {
        try await service.send(
            "DELETE", path("locks/\(token)\(query)"), token: try await self.token(name),
            headers: key.map { ["Idempotency-Key": $0] } ?? [:])
    }

    package func renew(_ token: String, as name: String) async throws -> Answer {
        try await service.send(
            "POST", path("locks/\(token)/renew"), token: try await self.token(name))
    }

    /// Has a lock's time be over, as time would.
    package func expire(_ lock: Answer) async throws {
        try await expire(lock, in: "-1 microsecond")
    }

    /// Has a lock's time be over in a while.
    package func expire(_ lock: Answer, in interval: String) async throws {
        let token = try lock.token
        try await service.database.owner.transaction { tx in
            try tx.execute(
                """
                UPDATE offline_locks
                SET expires_at = clock_timestamp() + \(interval)::text::interval
                WHERE token = \(token)::text::uuid
                """)
        }
    }
}

extension Answer {
    /// Of a lock.
    package var token: String {
        get throws { try json["token"]?.text ?? "none" }
    }

    /// Of a lock.
    package var expiry: Date {
        get throws {
            try json["expires_at"]?.text.map {
                try Date($0, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
            } ?? .distantPast
        }
    }
}
