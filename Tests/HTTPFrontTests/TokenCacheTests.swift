import Clinic
import Foundation
import PostgresTesting
import ServiceTesting
import Testing

@testable import HTTPFront

@Suite("Tokens that were found good are known, as long as they are", .timeLimit(.minutes(30)))
struct TokenCacheTests {
    private let now = Date(timeIntervalSince1970: 1_800_000_000)
    private let later = Date(timeIntervalSince1970: 1_800_003_600)

    @Test("known until it expires, and not at that instant")
    func expiry() {
        let cache = TokenCache()
        cache.insert(.patient("ann"), for: "a", until: later)
        #expect(cache.caller(of: "a", at: now) == .patient("ann"))
        #expect(cache.caller(of: "a", at: later.addingTimeInterval(-0.001)) == .patient("ann"))
        #expect(cache.caller(of: "a", at: later) == nil)
        #expect(cache.caller(of: "a", at: later.addingTimeInterval(3600)) == nil)
        #expect(cache.caller(of: "b", at: now) == nil)
    }

    @Test("an expired one is not known in the older generation either")
    func expiryOfOlder() {
        let cache = TokenCache(capacity: 2)
        cache.insert(.patient("ann"), for: "a", until: later)
        cache.insert(.patient("ben"), for: "b", until: later)
        #expect(cache.caller(of: "a", at: later) == nil)
    }

    @Test("a patient whose token was renewed is known by the new one's end")
    func renewed() {
        let cache = TokenCache()
        cache.insert(.patient("ann"), for: "a", until: now)
        cache.insert(.patient("ann"), for: "a", until: later)
        #expect(cache.caller(of: "a", at: now) == .patient("ann"))
    }

    @Test("never more tokens than it has room for", arguments: [2, 3, 10, 101])
    func bounded(capacity: Int) {
        let cache = TokenCache(capacity: capacity)
        var most = 0
        for number in 0..<(10 * capacity) {
            cache.insert(.patient("\(number)"), for: "\(number)", until: later)
            // Whoever is looked for moves, and must not be there twice.
            _ = cache.caller(of: "\(number / 2)", at: now)
            most = max(most, cache.count)
        }
        #expect(most <= capacity)
        // And they are remembered: what came last is.
        let last = 10 * capacity - 1
        #expect(cache.caller(of: "\(last)", at: now) == .patient("\(last)"))
        #expect(most >= capacity / 2)
    }

    @Test("who is used survives a generation, who is not is forgotten")
    func generations() {
        let cache = TokenCache(capacity: 4)
        for name in ["ann", "ben", "cem"] {
            cache.insert(.patient(name), for: name, until: later)
        }
        // Ann and Ben are the older generation now, and only Ann is used.
        #expect(cache.caller(of: "ann", at: now) == .patient("ann"))
        cache.insert(.patient("dora"), for: "dora", until: later)
        #expect(cache.caller(of: "ben", at: now) == nil)
        #expect(cache.caller(of: "ann", at: now) == .patient("ann"))
        #expect(cache.caller(of: "cem", at: now) == .patient("cem"))
        #expect(cache.caller(of: "dora", at: now) == .patient("dora"))
    }

    @Test("a patient's token that was used is refused once it has expired, plain or not")
    func expiresInUse() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let slot = try await fixture.slots(1)[0]
            let patient = try await fixture.patients(1)[0]
            let lifetime = 3.0
            let token = try await service.token(
                .patient, clinic: fixture.clinic.id, patient: patient.id, lifetime: lifetime)
            // It says so in whole seconds.
            let end = Date(
                timeIntervalSince1970: (Date().timeIntervalSince1970 + lifetime).rounded(.up))
            func book(_ headers: [String: String] = [:]) async throws -> Answer {
                try await service.send(
                    "POST", fixture.path("appointments"), token: token,
                    body: #"{"slot_id": "\#(slot.id.text)"}"#, headers: headers)
            }
            var answer = try await book(["X-Other": "1"])
            #expect(answer.status == 201)
            var isOver = false
            while answer.status != 401 && !isOver {
                isOver = Date() >= end
                answer = try await book()
            }
            #expect(answer.problemCode == "unauthorized")
            let long = try await book(["X-Other": "1"])
            #expect(long.problemCode == "unauthorized")
            #expect(try long.json == answer.json)
        }
    }

    @Test("a token is known by its bytes: one that only looks the same is not")
    func lookalike() async throws {
        let tokens = try await Tokens(secret: Service.secret, keySet: nil)
        var token = ""
        while !token.contains("K") {
            token = try await tokens.issue(
                role: .operator, clinicID: nil, patientID: nil, subject: UUID().text, lifetime: 60)
        }
        _ = try await tokens.caller(authorization: "Bearer \(token)")
        // To Unicode, the sign for kelvins is the letter.
        let lookalike = token.replacingOccurrences(of: "K", with: "\u{212A}")
        #expect(tokens.knownCaller(authorization: "Bearer \(token)") != nil)
        #expect(tokens.knownCaller(authorization: "Bearer \(lookalike)") == nil)
        await #expect(throws: Problem.self) {
            try await tokens.caller(authorization: "Bearer \(lookalike)")
        }
    }
}

extension Caller {
    /// Somebody to be told from others.
    fileprivate static func patient(_ name: String) -> Caller {
        Caller(subject: name, role: .patient, clinicID: nil, patientID: nil)
    }
}
