import Clinic
import FoundationEssentials
import HTTPTypes
import Hummingbird

extension Response {
    /// A JSON object.
    static func json(
        _ status: HTTPResponse.Status, _ representation: some Representation,
        headers: HTTPFields = [:]
    ) -> Response {
        var fields = headers
        fields[.contentType] = "application/json"
        return Response(
            status: status, headers: fields,
            body: ResponseBody(byteBuffer: representation.json))
    }

    /// 201 for something new, with its address and version.
    static func created(
        _ representation: some Representation, at location: String, etag: String
    ) -> Response {
        .json(.created, representation, headers: [.location: location, .eTag: etag])
    }
}

extension Slot {
    /// A hold ends without a write, so the version alone would not tell a held slot from a free one.
    var etag: String { isHeld ? "\"\(version)-held\"" : version.etag }
}

extension Int {
    /// A version as a strong entity tag.
    var etag: String { "\"\(self)\"" }
}

extension Date {
    /// Whole seconds until this moment, at least 1, as `Retry-After` wants them.
    var secondsFromNow: String { "\(max(1, Int(timeIntervalSinceNow.rounded(.up))))" }
}

extension UUID {
    /// In lower case, as RFC 9562 wants them written.
    package var text: String { uuidString.lowercased() }
}
