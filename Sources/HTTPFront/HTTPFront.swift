import Clinic
import FoundationEssentials
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore

/// The HTTP front: the services of `Clinic`, reached through the contract of `openapi.yaml`.
package struct HTTPFront: Sendable {
    let calendar: CalendarService
    let booking: BookingService
    let patients: PatientService
    let admin: AdminService
    let audit: AuditService
    let messages: MessageService
    let locks: OfflineLockService
    let waitlist: WaitlistService
    let refusals: RefusalService
    let tokens: Tokens
    let admission: Admission
    private let limits: Limits
    private let readiness: @Sendable () async -> Readiness
    let newID: @Sendable () -> UUID

    /// - Parameters:
    ///   - store: The data.
    ///   - tokens: Who may call.
    ///   - limits: What one client may cost.
    ///   - readiness: Whether the service can do its work.
    package init(
        store: Store, tokens: Tokens, limits: Limits = Limits(),
        readiness: @escaping @Sendable () async -> Readiness = { .ready }
    ) {
        calendar = CalendarService(store: store)
        booking = BookingService(store: store, waitingLimit: limits.requests)
        patients = PatientService(store: store)
        admin = AdminService(store: store)
        audit = AuditService(store: store)
        messages = MessageService(store: store)
        locks = OfflineLockService(store: store)
        waitlist = WaitlistService(store: store)
        refusals = RefusalService(store: store)
        self.tokens = tokens
        self.limits = limits
        admission = Admission(limit: limits.requests)
        self.readiness = readiness
        newID = store.newID
    }

    /// Every route there is.
    var routes: [Route] {
        serviceRoutes + clinicRoutes + practitionerRoutes + slotRoutes + patientRoutes
            + appointmentRoutes + registrationRoutes + auditRoutes + messageRoutes
            + lockRoutes + recordRoutes + appointmentChangeRoutes + holdRoutes + waitlistRoutes
            + availabilityRoutes + calendarFileRoutes
    }

    /// The server, not yet running.
    /// - Parameters:
    ///   - host: The address to listen on.
    ///   - port: The port to listen on; 0 takes one that is free.
    ///   - onRunning: Told the port once requests are served.
    package func server(
        host: String, port: Int, logger: Logger,
        onRunning: @escaping @Sendable (Int) async -> Void = { _ in }
    ) -> some ApplicationProtocol {
        Application(
            router: router(logger),
            server: .http1(configuration: connections(logger)),
            configuration: ApplicationConfiguration(
                address: .hostname(host, port: port), backlog: 4096,
                availableConnectionsDelegate: .maximum(limits.connections, logger: logger)),
            onServerRunning: { channel in await onRunning(channel.localAddress?.port ?? port) },
            logger: logger
        )
    }

    private func connections(_ logger: Logger) -> HTTP1Channel.Configuration {
        let bookings = PlainBookings(front: self, logger: logger)
        return HTTP1Channel.Configuration(
            additionalChannelHandlers: [
                ConnectionGuard(limits: limits) { [newID] in newID().text },
                BookingShortcut(bookings),
            ],
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: limits.headers, maxHeaderListSize: limits.headers,
                maxHeaderFieldCount: limits.headerCount))
    }

    private func router(_ logger: Logger) -> Router<FrontContext> {
        let router = Router(context: FrontContext.self, options: .autoGenerateHeadEndpoints)
        let routes = routes
        router.add(middleware: Reception(newID: newID, routes: routes, logger: logger))
        for route in routes {
            router.on(RouterPath(route.path), method: route.method) {
                [tokens, limits, admission] request, context in
                let call = try await Call(
                    request, context, to: route, tokens: tokens, limits: limits)
                guard !route.isAlwaysAdmitted else { return try await route.handle(call) }
                return try await admission.admit { try await route.handle(call) }
            }
        }
        return router
    }

    private var serviceRoutes: [Route] {
        [
            Route(.get, "/openapi.yaml", for: .everyone) { _ in
                Response(
                    status: .ok, headers: [.contentType: "application/yaml"],
                    body: ResponseBody(byteBuffer: ByteBuffer(bytes: PackageResources.openapi_yaml))
                )
            },
            Route(.get, "/healthz", for: .everyone) { _ in
                .json(.ok, Health(status: "ok"))
            },
            Route(.get, "/readyz", for: .everyone) { [readiness] _ in
                switch await readiness() {
                case .ready: return .json(.ok, Health(status: "ready"))
                case .waiting(let missing): throw Problem.notReady(missing: missing)
                case .draining: throw Problem.draining
                }
            },
        ]
    }
}

/// Whether the service can do its work.
package enum Readiness: Hashable, Sendable {
    case ready
    /// It waits for these.
    case waiting(for: [String])
    /// It is being stopped: it serves what comes, and asks load balancers to send no more.
    case draining
}

private struct Health: Representation {
    let status: String

    func write(to members: inout MemberWriter) {
        members.write("status", status)
    }
}
