import Clinic
import FoundationEssentials
import HTTPTypes
import Hummingbird

extension Caller {
    /// Whose keys are this caller's: the subject's, and of one that several patients go by, this patient's.
    fileprivate var nameAmongKeys: String {
        patientID.map { "\(subject) as patient \($0.text)" } ?? subject
    }
}

extension Call {
    /// The request as one that may be sent again; nil without `Idempotency-Key`.
    /// - Throws: ``Problem`` 400 for a key that is none.
    var idempotentRequest: IdempotentRequest? {
        get throws {
            guard let field = request.headers[.idempotencyKey] else { return nil }
            return try IdempotentRequest(
                field, request.method, "\(request.uri)", ifMatch: request.headers[.ifMatch],
                lockToken: request.headers[.lockToken], in: (try? clinicID) ?? .noClinic,
                by: caller, body: text)
        }
    }
}

extension IdempotentRequest {
    /// - Parameters:
    ///   - field: What the header says, quoted or not.
    ///   - caller: Nil for one without a token.
    /// - Throws: ``Problem`` 400 for a key that is none.
    init(
        _ field: String, _ method: HTTPRequest.Method, _ uri: String, ifMatch: String? = nil,
        lockToken: String? = nil, in clinicID: UUID, by caller: Caller?, body: String
    ) throws {
        let isQuoted = field.count > 2 && field.hasPrefix("\"") && field.hasSuffix("\"")
        let key = isQuoted ? String(field.dropFirst().dropLast()) : field
        guard (1...255).contains(key.utf8.count),
            key.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { throw Problem.invalidIdempotencyKey }
        let author = caller.map { Author.subject($0.nameAmongKeys) }
        self.init(
            in: clinicID, by: author ?? .anonymous(body: body), key: key,
            // What makes it this request and not another one.
            content: [method.rawValue, uri, ifMatch ?? "", lockToken ?? "", body]
                .joined(separator: "\n"))
    }
}
