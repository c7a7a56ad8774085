import Clinic
import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore
import NIOFoundationEssentialsCompat
import NIOHTTP1

/// One method of one path: who may use it and what it does.
struct Route: Sendable {
    let method: HTTPRequest.Method
    /// With parameters in braces: `/v1/clinics/{clinic}/slots/{slot}`.
    let path: String
    let access: Access
    /// The query's parameters. Others are refused: a typo must not widen a search.
    let query: [String]
    let handle: @Sendable (Call) async throws -> Response

    init(
        _ method: HTTPRequest.Method, _ path: String, for access: Access, query: [String] = [],
        _ handle: @escaping @Sendable (Call) async throws -> Response
    ) {
        self.method = method
        self.path = path
        self.access = access
        self.query = query
        self.handle = handle
    }

    /// Whether it is answered however busy the service is: whoever asks whether it runs needs to know.
    var isAlwaysAdmitted: Bool { !path.hasPrefix("/v1/") }

    /// Whether a request has a body.
    var takesBody: Bool { [.post, .put, .patch].contains(method) }
}

extension Route {
    /// Whether a path is one of this route's, whatever its parameters.
    func matches(_ path: String) -> Bool {
        let parts = path.split(separator: "/")
        let template = self.path.split(separator: "/")
        return parts.count == template.count
            && zip(parts, template).allSatisfy { part, name in
                // What follows a parameter in braces must follow here, too.
                name.hasPrefix("{")
                    ? part.hasSuffix(name.split(separator: "}").dropFirst().last ?? "")
                    : part == name
            }
    }
}

/// A request on its way through a route: its caller known and let in, its body there.
struct Call: Sendable {
    let request: Request
    let context: FrontContext
    let caller: Caller?
    let query: Query
    /// The clinic that the path names.
    private let pathClinicID: UUID?
    private let content: ByteBuffer

    /// - Throws: ``Problem`` where the token or the access does not allow the route; 413; 422 for a
    ///   query that the route does not know.
    init(
        _ request: Request, _ context: FrontContext, to route: Route, tokens: Tokens, limits: Limits
    ) async throws {
        self.request = request
        self.context = context
        if let authorization = request.headers[.authorization] {
            caller = try await tokens.caller(authorization: authorization)
        } else {
            caller = nil
        }
        let clinic = context.parameters.get("clinic")
        pathClinicID = clinic.flatMap { UUID(uuidString: $0) }
        try route.access.check(caller, clinicID: pathClinicID)
        if clinic != nil && pathClinicID == nil { throw Problem.clinicNotFound }
        query = try Query(request, knowing: route.query)
        content =
            route.takesBody
            ? try await Self.content(of: request, limit: limits.body) : ByteBuffer()
    }

    /// The clinic that the path names.
    var clinicID: UUID {
        get throws {
            guard let pathClinicID else { throw Problem.clinicNotFound }
            return pathClinicID
        }
    }

    /// Who makes a change, for the journal.
    var author: Author {
        Author(subject: caller?.subject ?? "anonymous", requestID: context.requestID)
    }

    /// An id in the path. A malformed one names nothing that exists.
    func id(_ parameter: String, orThrow notFound: any Error) throws -> UUID {
        guard let id = context.parameters.get(parameter).flatMap({ UUID(uuidString: $0) }) else {
            throw notFound
        }
        return id
    }

    /// The body as it was sent.
    var text: String { String(buffer: content) }

    /// The body's members.
    /// - Parameter mayBeAbsent: Whether no body at all stands for an object without members.
    /// - Throws: ``Problem``: 415, 400 or 422, naming what is wrong.
    func body<Content: RequestMembers>(
        _ type: Content.Type = Content.self, mayBeAbsent: Bool = false
    ) throws -> Content {
        if mayBeAbsent && content.readableBytes == 0 {
            return try Body<Content>.decode(Data("{}".utf8))
        }
        var known = ["application/json"]
        if request.method == .patch { known.append("application/merge-patch+json") }
        try requireMediaType(of: known)
        return try Body<Content>.decode(Data(buffer: content))
    }

    /// The body of a `PATCH` that takes both styles.
    /// - Throws: ``Problem``: 415, 400 or 422, naming what is wrong.
    func patch() throws -> Patch {
        let types = ["application/merge-patch+json", "application/json-patch+json"]
        try requireMediaType(of: types + ["application/json"])
        let data = Data(buffer: content)
        return mediaType == types[1] ? try Patch(operations: data) : Patch(merging: data)
    }

    private func requireMediaType(of known: [String]) throws {
        guard let mediaType, known.contains(mediaType) else {
            throw Problem.unsupportedMediaType(knowing: known)
        }
    }

    private var mediaType: String? {
        request.headers[.contentType]?.prefix { $0 != ";" }.filter { !$0.isWhitespace }.lowercased()
    }

    private static func content(of request: Request, limit: Int) async throws -> ByteBuffer {
        let length = request.headers[.contentLength].flatMap { Int($0) }
        if let length, length > limit { throw Problem.bodyTooLarge }
        var request = request
        do {
            let content = try await request.collectBody(upTo: limit)
            // Never half a body, even if the end of the stream were taken for its end.
            guard length == nil || content.readableBytes == length else {
                throw HTTPParserError.invalidEOFState
            }
            return content
        } catch is NIOTooManyBytesError {
            throw Problem.bodyTooLarge
        }
    }
}
