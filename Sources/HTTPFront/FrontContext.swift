import Clinic
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1

/// What the front knows of a request besides the request itself.
struct FrontContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// Taken from `X-Request-Id` or made; the log and the journal have it, too.
    var requestID = ""

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
    }
}

extension HTTPField.Name {
    static let requestID = named("X-Request-Id")
    static let link = named("Link")
    static let lockToken = named("Lock-Token")
    static let idempotencyKey = named("Idempotency-Key")
    static let idempotencyReplayed = named("Idempotency-Replayed")

    private static func named(_ name: String) -> HTTPField.Name {
        guard let field = HTTPField.Name(name) else { preconditionFailure("\(name) is no token") }
        return field
    }
}

/// Receives every request and sees every response off: gives it its id and turns whatever was
/// thrown, the router's own errors included, into problem details.
struct Reception: RouterMiddleware {
    let newID: @Sendable () -> UUID
    let routes: [Route]
    let logger: Logger

    func handle(
        _ request: Request, context: FrontContext,
        next: (Request, FrontContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.requestID = requestID(of: request)
        // One id is enough.
        context.logger = logger
        context.logger[metadataKey: "request_id"] = "\(context.requestID)"
        let start = ContinuousClock.now
        var response: Response
        do {
            // Source: RFC 9112, 3.2. Load balancers that ask for the health in HTTP/1.0 need not.
            guard request.head.authority != nil || !request.uri.path.hasPrefix("/v1/") else {
                throw Problem.malformedRequest
            }
            response = try await next(request, context)
        } catch let error where error.isOfTheConnection {
            // There is no request any more; ConnectionGuard answers what it can.
            throw error
        } catch let error as HTTPError where error.status == .notFound {
            response = nothingThere(request).response(to: request)
        } catch {
            response = Problem(answering: error, context.logger).response(to: request)
        }
        response.headers[.requestID] = context.requestID
        context.logger.noteAnswer(
            request.method.rawValue, request.uri.path, response.status, since: start,
            requestID: context.requestID)
        return response
    }

    /// The router found no route: the path is unknown, or it does not take the method.
    private func nothingThere(_ request: Request) -> Problem {
        var methods = routes.filter { $0.matches(request.uri.path) }.map(\.method)
        guard !methods.isEmpty else { return .notFound }
        if methods.contains(.get) { methods.append(.head) }
        return .methodNotAllowed(methods)
    }

    /// The caller's id if it is 1 to 128 visible ASCII characters, else a new one.
    private func requestID(of request: Request) -> String {
        if let id = request.headers[.requestID], id.isRequestID { return id }
        return newID().text
    }
}

extension String {
    /// Whether it may be a request's id.
    var isRequestID: Bool {
        (1...128).contains(utf8.count) && utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }
}

extension Problem {
    /// What an error is to the caller, who learns no more; the log gets the cause of what is the service's
    /// fault. Errors of the database hold no data.
    init(answering error: any Error, _ logger: Logger) {
        self = Problem(error) ?? .internalError
        // A problem that was thrown as one has no other cause to tell of.
        guard status.kind == .serverError, !(error is Problem) else { return }
        logger.log(
            level: status == .internalServerError ? .error : .warning,
            "request failed", metadata: ["code": "\(code)", "cause": "\(error)"])
    }
}

extension Logger {
    /// Costs next to nothing while nobody listens at that level.
    func noteAnswer(
        _ method: String, _ path: String, _ status: HTTPResponse.Status,
        since start: ContinuousClock.Instant, requestID: String
    ) {
        debug(
            "answered",
            metadata: [
                "method": "\(method)", "path": "\(path)", "status": "\(status.code)",
                "after": "\(ContinuousClock.now - start)", "request_id": "\(requestID)",
            ])
    }
}

extension Error {
    /// Whether the client broke off or sent what is not HTTP.
    fileprivate var isOfTheConnection: Bool {
        self is HTTPParserError || self is IOError || self is ChannelError
    }
}
