import Clinic
import FoundationEssentials
import JWTKit

/// What a token says.
struct Claims: JWTPayload {
    let sub: String
    let exp: ExpirationClaim
    var nbf: NotBeforeClaim?
    let iss: String
    let aud: Audience
    let role: String
    let clinic: String?
    let patient: String?
    var email: String?

    func verify(using algorithm: some JWTAlgorithm) throws {
        try exp.verifyNotExpired()
        try nbf?.verifyNotBefore()
    }

    /// The caller, if the claims that its role needs are there.
    /// - Throws: ``Problem`` 401.
    func caller() throws -> Caller {
        guard let role = Role(rawValue: role) else {
            throw Problem.invalidToken("The token's role is unknown.")
        }
        let clinicID = clinic.flatMap { UUID(uuidString: $0) }
        let patientID = patient.flatMap { UUID(uuidString: $0) }
        guard (1...255).contains(sub.utf8.count), !sub.unicodeScalars.contains("\0") else {
            throw Problem.invalidToken("The token's sub must have 1 to 255 bytes.")
        }
        guard role == .operator || clinicID != nil else {
            throw Problem.invalidToken("The token's role needs a clinic, by its id.")
        }
        guard role != .patient || patientID != nil else {
            throw Problem.invalidToken("The token's role needs a patient, by its id.")
        }
        return Caller(
            subject: sub, role: role,
            clinicID: role == .operator ? nil : clinicID,
            patientID: role == .patient ? patientID : nil,
            email: email.flatMap { $0.isEmailAddress ? $0 : nil })
    }
}

/// For whom a token is: one name or a list. Source: RFC 7519, 4.1.3.
struct Audience: Codable, Sendable {
    let names: [String]

    init(names: [String]) { self.names = names }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let name = try? container.decode(String.self) {
            names = [name]
        } else {
            names = try container.decode([String].self)
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if names.count == 1 { try container.encode(names[0]) } else { try container.encode(names) }
    }
}

/// The part of a token's header that must fit before its signature is looked at.
struct TokenHeader: Decodable {
    let alg: String
    let kid: String?
    /// Extensions that must be understood; none are here. Source: RFC 7515, 4.1.11.
    let crit: [String]?

    /// Nil if the token has no readable header.
    init?(of token: String) {
        var base64 = String(token.prefix { $0 != "." })
            .replacing("-", with: "+").replacing("_", with: "/")
        base64 += String(repeating: "=", count: (4 - base64.utf8.count % 4) % 4)
        guard let data = Data(base64Encoded: base64),
            let header = try? JSONDecoder().decode(TokenHeader.self, from: data)
        else { return nil }
        self = header
    }
}

extension Date {
    /// NumericDates are easier to read, and shorter, without a fraction.
    var wholeSecond: Date { Date(timeIntervalSince1970: timeIntervalSince1970.rounded()) }
}
