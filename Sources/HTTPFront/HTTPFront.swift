import Clinic
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Logging

/// The HTTP front: the services of `Clinic`, reached through the contract of `openapi.yaml`.
package struct HTTPFront: Sendable {
    let calendar: CalendarService
    let booking: BookingService
    let patients: PatientService
    private let tokens: Tokens
    private let readiness: @Sendable () async -> [String]
    private let newID: @Sendable () -> UUID

    /// - Parameters:
    ///   - store: The data.
    ///   - tokens: Who may call.
    ///   - readiness: What the service still waits for; empty when it is ready.
    package init(
        store: Store, tokens: Tokens, readiness: @escaping @Sendable () async -> [String]
    ) {
        calendar = CalendarService(store: store)
        booking = BookingService(store: store)
        patients = PatientService(store: store)
        self.tokens = tokens
        self.readiness = readiness
        newID = store.newID
    }

    /// Every route there is.
    var routes: [Route] {
        healthRoutes + clinicRoutes + practitionerRoutes + slotRoutes + patientRoutes
            + appointmentRoutes
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
            router: router,
            configuration: ApplicationConfiguration(
                address: .hostname(host, port: port), backlog: 4096),
            onServerRunning: { channel in await onRunning(channel.localAddress?.port ?? port) },
            logger: logger
        )
    }

    private var router: Router<FrontContext> {
        let router = Router(context: FrontContext.self, options: .autoGenerateHeadEndpoints)
        let routes = routes
        router.add(middleware: Reception(newID: newID, routes: routes))
        for route in routes {
            router.on(RouterPath(route.path), method: route.method) { [tokens] request, context in
                try await route.handle(Call(request, context, to: route, tokens: tokens))
            }
        }
        return router
    }

    private var healthRoutes: [Route] {
        [
            Route(.get, "/healthz", for: .everyone) { _ in
                .json(.ok, Health(status: "ok"))
            },
            Route(.get, "/readyz", for: .everyone) { [readiness] _ in
                let missing = await readiness()
                guard missing.isEmpty else { throw Problem.notReady(missing: missing) }
                return .json(.ok, Health(status: "ready"))
            },
        ]
    }
}

private struct Health: Representation {
    let status: String

    func write(to members: inout MemberWriter) {
        members.write("status", status)
    }
}
