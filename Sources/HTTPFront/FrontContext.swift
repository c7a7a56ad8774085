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
            let problem = Problem(error) ?? .internalError
            // A problem that was thrown as one has no other cause to tell of.
            if problem.status.kind == .serverError && !(error is Problem) {
                log(error, as: problem, context)
            }
            response = problem.response(to: request)
        }
        response.headers[.requestID] = context.requestID
        context.logger.debug(
            "answered",
            metadata: [
                "method": "\(request.method.rawValue)", "path": "\(request.uri.path)",
                "status": "\(response.status.code)", "after": "\(ContinuousClock.now - start)",
            ])
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
        if let id = request.headers[.requestID], (1...128).contains(id.utf8.count),
            id.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        {
            return id
        }
        return newID().text
    }

    /// The caller learns the problem, the log its cause; errors of the database hold no data.
    private func log(_ error: any Error, as problem: Problem, _ context: FrontContext) {
        context.logger.log(
            level: problem.status == .internalServerError ? .error : .warning,
            "request failed", metadata: ["code": "\(problem.code)", "cause": "\(error)"])
    }
}

extension Error {
    /// Whether the client broke off or sent what is not HTTP.
    fileprivate var isOfTheConnection: Bool {
        self is HTTPParserError || self is IOError || self is ChannelError
    }
}
