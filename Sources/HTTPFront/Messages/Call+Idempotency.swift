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
            let isQuoted = field.count > 2 && field.hasPrefix("\"") && field.hasSuffix("\"")
            let key = isQuoted ? String(field.dropFirst().dropLast()) : field
            guard (1...255).contains(key.utf8.count),
                key.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
            else { throw Problem.invalidIdempotencyKey }
            let author = caller.map { IdempotentRequest.Author.subject($0.nameAmongKeys) }
            return IdempotentRequest(
                in: (try? clinicID) ?? .noClinic, by: author ?? .anonymous(body: text), key: key,
                content: fingerprint)
        }
    }

    /// What makes it this request and not another one.
    private var fingerprint: String {
        let headers = [HTTPField.Name.ifMatch, .lockToken].map { request.headers[$0] ?? "" }
        return ([request.method.rawValue, "\(request.uri)"] + headers + [text])
            .joined(separator: "\n")
    }
}
