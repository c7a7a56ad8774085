import Clinic
import Foundation
import JWTKit
import ServiceTesting
import Testing

@testable import HTTPFront

@Suite("A token opens its own clinic, for its own role, until it expires")
struct TokenTests {
    @Test("an expired one opens nothing, not even what is open to all")
    func expired() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let token = try await service.token(
                .admin, clinic: fixture.clinic.id, lifetime: -1)
            let answer = try await service.send("GET", fixture.path("slots"), token: token)
            #expect(answer.problemCode == "unauthorized")
        }
    }

    @Test("alg: none, another secret, another issuer, another audience, a missing claim: 401")
    func forged() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let claims: [String: Any] = [
                "sub": "mallory", "role": "admin", "clinic": fixture.clinic.id.uuidString,
                "iss": "holdfast", "aud": "holdfast", "exp": Date().timeIntervalSince1970 + 60,
            ]
            let unsigned = try encoded(["alg": "none", "typ": "JWT"]) + "." + encoded(claims) + "."
            let stranger = try await Tokens(
                secret: "another secret, just as long as the first", keySet: nil)
            let elsewhere = try await Tokens(
                secret: Service.secret, keySet: nil, issuer: "elsewhere")
            let forOthers = try await Tokens(
                secret: Service.secret, keySet: nil, audience: "others")
            var forged = [unsigned]
            for tokens in [stranger, elsewhere, forOthers] {
                forged.append(
                    try await tokens.issue(
                        role: .admin, clinicID: fixture.clinic.id, patientID: nil,
                        subject: "mallory", lifetime: 60))
            }
            // No clinic; no patient.
            forged.append(
                try await service.tokens.issue(
                    role: .admin, clinicID: nil, patientID: nil, subject: "x", lifetime: 60))
            forged.append(
                try await service.tokens.issue(
                    role: .patient, clinicID: fixture.clinic.id, patientID: nil, subject: "x",
                    lifetime: 60))
            for token in forged {
                let answer = try await service.send(
                    "GET", fixture.path("patients"), token: token)
                #expect(answer.problemCode == "unauthorized")
                #expect(answer.headers["www-authenticate"]?.hasPrefix("Bearer") == true)
            }
        }
    }

    @Test("a key set: each key for its one algorithm, whatever a token's header says first")
    func keySet() async throws {
        let edwards = try EdDSA.PrivateKey(curve: .ed25519)
        let elliptic = ES256PrivateKey()
        let point = try #require(elliptic.publicKey.parameters)
        // Without 'alg', which is optional.
        let set = """
            {"keys": [
                {"kty": "OKP", "crv": "Ed25519", "kid": "edwards",
                 "x": "\(edwards.publicKey.rawRepresentation.base64URLEncoded)"},
                {"kty": "EC", "crv": "P-256", "kid": "elliptic",
                 "x": "\(point.x.base64URL)", "y": "\(point.y.base64URL)"}
            ]}
            """
        let tokens = try await Tokens(secret: nil, keySet: set)
        let signers = JWTKeyCollection()
        await signers.add(eddsa: edwards, kid: "edwards")
        await signers.add(ecdsa: elliptic, kid: "elliptic")
        let claims = TestClaims()

        // A forger names the key and another algorithm first; the genuine token must still pass.
        let forged = try encoded(["alg": "RS384", "kid": "edwards"]) + ".e30.e30"
        await #expect(throws: Problem.self) {
            try await tokens.caller(authorization: "Bearer \(forged)")
        }
        for name in ["edwards", "elliptic"] {
            let token = try await signers.sign(claims, kid: JWKIdentifier(string: name))
            let caller = try await tokens.caller(authorization: "Bearer \(token)")
            #expect(caller.role == .operator)
        }
        let unknown = JWTKeyCollection()
        await unknown.add(ecdsa: ES256PrivateKey(), kid: "elliptic")
        let foreign = try await unknown.sign(claims, kid: "elliptic")
        await #expect(throws: Problem.self) {
            try await tokens.caller(authorization: "Bearer \(foreign)")
        }
    }

    @Test(
        "a key set that cannot be used is refused at the start",
        arguments: [
            "", "{}", #"{"keys": []}"#, #"{"keys": [{"kty": "EC", "crv": "P-256"}]}"#,
            #"{"keys": [{"kty": "RSA", "alg": "RS512", "kid": "a", "n": "AQAB", "e": "AQAB"}]}"#,
        ])
    func badKeySet(text: String) async {
        await #expect(throws: (any Error).self) { try await Tokens(secret: nil, keySet: text) }
    }

    @Test("a right signature under a header that says none, another algorithm or an extension: 401")
    func header() async throws {
        try await withService { service in
            let genuine = try await service.token(.operator)
            #expect(try await service.send("GET", "/v1/clinics", token: genuine).status == 200)
            let keys = JWTKeyCollection()
            await keys.add(hmac: HMACKey(from: Service.secret), digestAlgorithm: .sha256)
            for header: JWTHeader in [["alg": "none"], ["alg": "HS512"], ["crit": ["x"]]] {
                let token = try await keys.sign(TestClaims(), header: header)
                let answer = try await service.send("GET", "/v1/clinics", token: token)
                #expect(answer.problemCode == "unauthorized", "\(header)")
            }
            // An empty audience is for nobody; it must not bring the service down.
            let nobody = try await keys.sign(TestClaims(aud: []))
            #expect(
                try await service.send("GET", "/v1/clinics", token: nobody).problemCode
                    == "unauthorized")
        }
    }

    @Test("another clinic's things are 404 to a stranger with a valid token, whatever exists")
    func otherClinic() async throws {
        try await withService { service in
            let own = try await Fixture(service)
            let other = try await Fixture(service)
            let slot = try #require(try await other.slots(1).first)
            let patient = try #require(try await other.patients(1).first)
            let booked = try await other.book(slot.id, as: patient)
            let appointment = try #require(try booked.json["id"]?.text)

            let body = #"{"slot_id": "\#(slot.id.text)", "patient_id": "\#(patient.id.text)"}"#
            for token in [own.admin, own.receptionist] {
                let reads = [
                    "patients", "patients/\(patient.id.text)", "appointments",
                    "appointments/\(appointment)", "patients/\(UUID().uuidString)",
                ]
                for path in reads {
                    let answer = try await service.send("GET", other.path(path), token: token)
                    #expect(answer.problemCode == "clinic_not_found")
                }
                let write = try await service.send(
                    "POST", other.path("appointments"), token: token, body: body)
                #expect(write.problemCode == "clinic_not_found")

                // The other clinic's ids, smuggled into one's own clinic.
                let smuggled = try await service.send(
                    "POST", own.path("appointments"), token: token, body: body)
                #expect(smuggled.problemCode == "slot_not_found")
                for path in ["patients/\(patient.id.text)", "appointments/\(appointment)"] {
                    let answer = try await service.send("GET", own.path(path), token: token)
                    #expect(answer.status == 404)
                }
            }
        }
    }

    @Test("a patient sees and books for itself only")
    func otherPatient() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let slots = try await fixture.slots(2)
            let patients = try await fixture.patients(2)
            let appointment = try #require(
                try await fixture.book(slots[0].id, as: patients[1]).json["id"]?.text)
            let token = try await service.token(
                .patient, clinic: fixture.clinic.id, patient: patients[0].id)

            let others = [
                "patients/\(patients[1].id.text)", "appointments/\(appointment)",
                "appointments?patient_id=\(patients[1].id.text)",
            ]
            for path in others {
                #expect(
                    try await service.send("GET", fixture.path(path), token: token).status == 404)
            }
            let own = try await service.send("GET", fixture.path("appointments"), token: token)
            #expect(try own.json["items"]?.list?.isEmpty == true)
            let forOther = try await service.send(
                "POST", fixture.path("appointments"), token: token,
                body: """
                    {"slot_id": "\(slots[1].id.text)", "patient_id": "\(patients[1].id.text)"}
                    """)
            #expect(forOther.problemCode == "patient_not_found")
            for path in ["patients", "practitioners"] {
                let answer = try await service.send(
                    "POST", fixture.path(path), token: token, body: "{}")
                #expect(answer.problemCode == "forbidden")
            }
            #expect(
                try await service.send("GET", fixture.path("patients"), token: token).problemCode
                    == "forbidden")
        }
    }

    @Test("an operator acts in every clinic")
    func operators() async throws {
        try await withService { service in
            let token = try await service.token(.operator)
            let made = try await service.send(
                "POST", "/v1/clinics", token: token,
                body: #"{"name": "Hafen \"Nord\"\n", "time_zone": "Europe/Berlin"}"#)
            #expect(made.status == 201)
            let location = try #require(made.headers["location"])
            let found = try await service.send("GET", location)
            #expect(try found.json == made.json)
            #expect(try found.json["name"]?.text == "Hafen \"Nord\"\n")
            #expect(found.headers["etag"] == "\"1\"")
            let practitioner = try await service.send(
                "POST", location + "/practitioners", token: token,
                body: #"{"name": "A", "specialty": "B"}"#)
            #expect(practitioner.status == 201)
            let nowhere = try await service.send(
                "POST", "/v1/clinics/\(UUID().uuidString)/practitioners", token: token,
                body: #"{"name": "A", "specialty": "B"}"#)
            #expect(nowhere.problemCode == "clinic_not_found")
        }
    }

    private func encoded(_ object: [String: Any]) throws -> String {
        try JSONSerialization.data(withJSONObject: object).base64EncodedString()
            .replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
            .replacingOccurrences(of: "=", with: "")
    }
}

/// The claims of an operator's token, as another program would write them.
private struct TestClaims: JWTPayload {
    var sub = "test"
    var exp = Date(timeIntervalSinceNow: 60).timeIntervalSince1970.rounded()
    var iss = "holdfast"
    var aud = ["holdfast"]
    var role = "operator"

    func verify(using algorithm: some JWTAlgorithm) {}
}

extension String {
    /// Base64 in the alphabet that JSON Web Keys use.
    fileprivate var base64URL: String {
        replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}

extension Data {
    fileprivate var base64URLEncoded: String { base64EncodedString().base64URL }
}
