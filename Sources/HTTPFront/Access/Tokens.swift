import FoundationEssentials
import JWTKit

/// Verifies tokens, and makes them where there is a secret to make them with.
package struct Tokens: Sendable {
    private let keys: JWTKeyCollection
    private let issuer: String
    private let audience: String

    /// - Parameters:
    ///   - secret: For HS256; 32 bytes at least.
    ///   - keySet: A JSON Web Key Set (RFC 7517) of public keys for RS256, ES256 or EdDSA.
    /// - Throws: If the key set cannot be read.
    package init(
        secret: String?, keySet: String?,
        issuer: String = "holdfast", audience: String = "holdfast"
    ) async throws {
        keys = JWTKeyCollection()
        if let secret {
            await keys.add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256)
        }
        if let keySet { try await keys.add(jwksJSON: keySet) }
        self.issuer = issuer
        self.audience = audience
    }

    /// Makes a token.
    /// - Parameter lifetime: Until it expires, in seconds.
    package func issue(
        role: Role, clinicID: UUID?, patientID: UUID?, subject: String, lifetime: TimeInterval
    ) async throws -> String {
        try await keys.sign(
            Claims(
                sub: SubjectClaim(value: subject),
                exp: ExpirationClaim(value: Date(timeIntervalSinceNow: lifetime).wholeSecond),
                iss: IssuerClaim(value: issuer),
                aud: AudienceClaim(value: audience),
                role: role.rawValue,
                clinic: clinicID?.text,
                patient: patientID?.text
            ))
    }

    /// Who sent the `Authorization` header.
    /// - Throws: ``Problem`` 401 that says what is wrong with the token, never what is in it.
    func caller(authorization: String) async throws -> Caller {
        let parts = authorization.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else {
            throw Problem.unauthorized("The Authorization header must be: Bearer <JWT>.")
        }
        let claims: Claims
        do {
            claims = try await keys.verify(String(parts[1]), as: Claims.self)
        } catch let error as JWTError where error.errorType == .claimVerificationFailure {
            throw Problem.unauthorized("The token has expired or is not valid yet.")
        } catch {
            throw Problem.unauthorized("The token is not a JWT signed with a key known here.")
        }
        guard claims.iss.value == issuer, claims.aud.value.contains(audience) else {
            throw Problem.unauthorized("The token is for another issuer or audience.")
        }
        return try claims.caller()
    }
}

/// What a token says.
private struct Claims: JWTPayload {
    let sub: SubjectClaim
    let exp: ExpirationClaim
    var nbf: NotBeforeClaim?
    let iss: IssuerClaim
    let aud: AudienceClaim
    let role: String
    let clinic: String?
    let patient: String?

    init(
        sub: SubjectClaim, exp: ExpirationClaim, iss: IssuerClaim, aud: AudienceClaim,
        role: String, clinic: String?, patient: String?
    ) {
        self.sub = sub
        self.exp = exp
        self.iss = iss
        self.aud = aud
        self.role = role
        self.clinic = clinic
        self.patient = patient
    }

    func verify(using algorithm: some JWTAlgorithm) throws {
        try exp.verifyNotExpired()
        try nbf?.verifyNotBefore()
    }

    /// The caller, if the claims that its role needs are there.
    func caller() throws -> Caller {
        guard let role = Role(rawValue: role) else {
            throw Problem.unauthorized("The token's role is unknown.")
        }
        let clinicID = clinic.flatMap { UUID(uuidString: $0) }
        let patientID = patient.flatMap { UUID(uuidString: $0) }
        guard !sub.value.isEmpty, sub.value.utf8.count <= 255,
            !sub.value.unicodeScalars.contains("\0")
        else {
            throw Problem.unauthorized("The token's sub must have 1 to 255 bytes.")
        }
        guard role == .operator || clinicID != nil else {
            throw Problem.unauthorized("The token's role needs a clinic, by its id.")
        }
        guard role != .patient || patientID != nil else {
            throw Problem.unauthorized("The token's role needs a patient, by its id.")
        }
        return Caller(
            subject: sub.value, role: role,
            clinicID: role == .operator ? nil : clinicID,
            patientID: role == .patient ? patientID : nil)
    }
}

extension Date {
    /// NumericDates are easier to read, and shorter, without a fraction.
    fileprivate var wholeSecond: Date {
        Date(timeIntervalSince1970: timeIntervalSince1970.rounded())
    }
}
