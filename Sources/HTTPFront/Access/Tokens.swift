import FoundationEssentials
import JWTKit

/// Verifies tokens, and makes them where there is a secret to make them with.
package struct Tokens: Sendable {
    private let keys: JWTKeyCollection
    /// The one algorithm that each key is for; the secret has no name.
    private let algorithms: [String?: String]
    private let issuer: String
    private let audience: String
    private let cache = TokenCache()

    /// - Parameters:
    ///   - secret: For HS256; 32 bytes at least.
    ///   - keySet: A JSON Web Key Set (RFC 7517) of public keys for RS256, ES256 or EdDSA.
    /// - Throws: ``InvalidKeySet``.
    package init(
        secret: String?, keySet: String?,
        issuer: String = "holdfast", audience: String = "holdfast"
    ) async throws {
        keys = JWTKeyCollection()
        var algorithms: [String?: String] = [:]
        if let secret {
            await keys.add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256)
            algorithms[nil] = "HS256"
        }
        for key in try keySet.map(Self.keys) ?? [] {
            try await keys.add(jwk: key)
            algorithms[key.keyIdentifier?.string] = key.algorithm?.rawValue
        }
        self.algorithms = algorithms
        self.issuer = issuer
        self.audience = audience
    }

    /// Makes a token.
    /// - Parameter lifetime: Until it expires, in seconds.
    package func issue(
        role: Role, clinicID: UUID?, patientID: UUID?, subject: String, email: String? = nil,
        lifetime: TimeInterval
    ) async throws -> String {
        try await keys.sign(
            Claims(
                sub: subject,
                exp: ExpirationClaim(value: Date(timeIntervalSinceNow: lifetime).wholeSecond),
                iss: issuer,
                aud: Audience(names: [audience]),
                role: role.rawValue,
                clinic: clinicID?.text,
                patient: patientID?.text,
                email: email
            ))
    }

    /// Who sent the `Authorization` header.
    /// - Throws: ``Problem`` 401 that says what is wrong with the token, never what is in it.
    func caller(authorization: String) async throws -> Caller {
        let parts = authorization.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else {
            throw Problem.invalidToken("The Authorization header must be: Bearer <JWT>.")
        }
        let token = String(parts[1])
        if let caller = cache.caller(of: token, at: Date()) { return caller }
        let claims = try await claims(of: token)
        let caller = try claims.caller()
        cache.insert(caller, for: token, until: claims.exp.value)
        return caller
    }

    /// Who sent the `Authorization` header, if the token was found good before.
    func knownCaller(authorization: String) -> Caller? {
        guard authorization.hasPrefix("Bearer ") else { return nil }
        return cache.caller(of: String(authorization.dropFirst(7)), at: Date())
    }

    /// What a token says that is good now.
    private func claims(of token: String) async throws -> Claims {
        guard let header = TokenHeader(of: token) else {
            throw Problem.invalidToken("The token is not a JWT.")
        }
        guard header.crit == nil, algorithms[header.kid] == header.alg else {
            throw Problem.invalidToken(
                "The token is not signed with a key and algorithm known here.")
        }
        let claims: Claims
        do {
            claims = try await keys.verify(token, as: Claims.self)
        } catch let error as JWTError where error.errorType == .claimVerificationFailure {
            throw Problem.invalidToken("The token has expired or is not valid yet.")
        } catch let error as JWTError where error.errorType == .malformedToken {
            // The signature has been found good before the claims are read.
            throw Problem.invalidToken(
                "The token lacks one of sub, exp, iss, aud and role, or has it in the wrong form.")
        } catch {
            throw Problem.invalidToken("The token is not a JWT signed with a key known here.")
        }
        guard claims.iss == issuer, claims.aud.names.contains(audience) else {
            throw Problem.invalidToken("The token is for another issuer or audience.")
        }
        return claims
    }

    /// The keys of a set, each with the one algorithm that it is for.
    ///
    /// A key without `alg` would take on the algorithm of the first token that names it, before that
    /// token's signature is checked; so every key gets its algorithm here.
    private static func keys(ofSet text: String) throws(InvalidKeySet) -> [JWK] {
        guard let set = try? JSONDecoder().decode(JWKS.self, from: Data(text.utf8)),
            !set.keys.isEmpty
        else { throw InvalidKeySet("it is no JSON Web Key Set with a key in it") }
        var keys: [JWK] = []
        for var key in set.keys {
            guard let name = key.keyIdentifier?.string else {
                throw InvalidKeySet("a key has no 'kid'")
            }
            let natural: JWK.Algorithm =
                switch key.keyType {
                case .rsa: .rs256
                case .octetKeyPair: .eddsa
                default: .es256
                }
            key.algorithm = key.algorithm ?? natural
            guard key.algorithm == natural else {
                throw InvalidKeySet("the algorithm of key '\(name)' is not RS256, ES256 or EdDSA")
            }
            keys.append(key)
        }
        return keys
    }
}

/// Why a key set cannot be used.
package struct InvalidKeySet: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
