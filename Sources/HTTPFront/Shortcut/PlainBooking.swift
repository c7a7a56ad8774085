import Clinic
import FoundationEssentials
import HTTPTypes
import NIOCore

/// A booking whose head leaves no question open: its caller is known and let in, and it has no field that
/// asks for anything out of the ordinary.
struct PlainBooking: Sendable {
    let caller: Caller
    let clinicID: UUID
    let path: String
    let requestID: String
    let key: String?

    /// - Returns: Nil for whatever is not such a booking.
    init?(_ head: HTTPRequest, tokens: Tokens, newID: () -> UUID) {
        guard head.method == .post, head.authority != nil, let path = head.path,
            let clinicID = Self.clinicID(of: path)
        else { return nil }
        var caller: Caller?
        var isJSON = false
        var requestID: String?
        var key: String?
        for field in head.headerFields {
            switch field.name {
            case .authorization where caller == nil:
                caller = tokens.knownCaller(authorization: field.value)
                if caller == nil { return nil }
            case .contentType where !isJSON:
                guard field.value == "application/json" else { return nil }
                isJSON = true
            case .requestID where requestID == nil && field.value.isRequestID:
                requestID = field.value
            case .idempotencyKey where key == nil: key = field.value
            case .contentLength, .accept, .userAgent, .acceptEncoding: continue
            default: return nil
            }
        }
        guard let caller, isJSON, Access.staffAndPatients.admits(caller, to: clinicID) else {
            return nil
        }
        self.caller = caller
        self.clinicID = clinicID
        self.path = path
        self.requestID = requestID ?? newID().text
        self.key = key
    }

    /// Whom it is for; nil if that is not plain.
    func patientID(_ body: PlainBody) -> UUID? {
        guard let own = caller.patientID else { return body.patientID }
        return body.patientID == nil || body.patientID == own ? own : nil
    }

    /// How it is made once; nil, if it has no key.
    /// - Throws: ``Problem`` 400 for a key that is none.
    func once(_ content: ByteBuffer) throws -> Once<Appointment>? {
        guard let key else { return nil }
        let request = try IdempotentRequest(
            key, .post, path, in: clinicID, by: caller, body: String(buffer: content))
        return Once(request) { .created($0) }
    }

    /// The clinic whose appointments are at a path; nil for any other path.
    private static func clinicID(of path: String) -> UUID? {
        let path = path.utf8
        let (prefix, suffix) = ("/v1/clinics/".utf8, "/appointments".utf8)
        guard path.count == prefix.count + UUID.textLength + suffix.count,
            path.starts(with: prefix), path.suffix(suffix.count).elementsEqual(suffix)
        else { return nil }
        return UUID(text: path.dropFirst(prefix.count).prefix(UUID.textLength))
    }
}
