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

    /// 200 with what has become of something.
    static func changed(_ resource: some Resource) -> Response {
        .json(.ok, resource, headers: [.eTag: resource.etag])
    }
}

extension Call {
    /// 200 with a version of something, or 304 if the caller has that version already.
    func found(_ resource: some Resource) -> Response {
        let etag = resource.etag
        let known = request.headers[values: .ifNoneMatch]
            .flatMap { $0.split(separator: ",") }
            .map { $0.trimmingPrefix(while: \.isWhitespace).trimmingPrefix("W/") }
        guard known.contains("*") || known.contains(where: { $0.hasPrefix(etag) }) else {
            return .changed(resource)
        }
        return Response(status: .notModified, headers: [.eTag: etag])
    }

    /// Like `expectedVersion`, but may be absent, or `*`.
    var optionalVersion: Int? {
        get throws {
            guard let field = request.headers[.ifMatch], field != "*" else { return nil }
            return try expectedVersion
        }
    }

    /// The version that the caller's change is based on.
    /// - Throws: ``Problem`` 428 without `If-Match`, or with anything but one version in it.
    var expectedVersion: Int {
        get throws {
            let field = request.headers[.ifMatch] ?? ""
            let isQuoted = field.count > 2 && field.hasPrefix("\"") && field.hasSuffix("\"")
            // A slot under a hold has this suffix, and no other difference.
            let tag = field.dropFirst().dropLast()
            let digits = tag.hasSuffix("-held") ? tag.dropLast(5) : tag
            // "01" is no tag that this service gives.
            guard isQuoted, digits.allSatisfy(\.isNumber), let version = Int(digits),
                String(version) == digits
            else { throw Problem.preconditionRequired }
            return version
        }
    }
}

extension Date {
    /// Whole seconds until this moment, at least 1, as `Retry-After` wants them.
    var secondsFromNow: String { "\(max(1, Int(timeIntervalSinceNow.rounded(.up))))" }
}
