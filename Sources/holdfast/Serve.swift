import ArgumentParser
import Clinic
import FoundationEssentials
import Glibc
import HTTPFront
import Hummingbird
import Logging
import Migrations
import NIOCore
import Postgres
import ServiceLifecycle

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve the HTTP API until SIGTERM or SIGINT.",
        discussion: """
            On SIGTERM, /readyz first says no for as long as --drain-delay, while requests are still \
            served; then no more connections are accepted, what is in flight is finished, and the \
            database connections are closed.
            """)

    @OptionGroup var common: CommonOptions

    @Option(help: "The address to listen on (HOLDFAST_HOST; 127.0.0.1).")
    var host: String?

    @Option(help: "The port to listen on (HOLDFAST_PORT; 8080); 0 takes one that is free.")
    var port: Int?

    @Option(help: "Database connections at the most (HOLDFAST_POOL_SIZE; 16).")
    var poolSize: Int?

    @Option(help: "Requests at the most that are worked on at once (HOLDFAST_MAX_REQUESTS; 4096).")
    var maxRequests: Int?

    @Option(help: "The folder of migrations (HOLDFAST_MIGRATIONS; ./migrations).")
    var migrations: String?

    @Option(
        help: """
            How long load balancers have to notice that /readyz says no, before connections are \
            refused: a number and s or m; 0s for none.
            """)
    var drainDelay = Delay(seconds: 2)

    @Flag(
        help: """
            Without HOLDFAST_JWT_SECRET, take a secret that everybody knows; without \
            HOLDFAST_SMTP_URL, log messages instead of sending them.
            """)
    var development = false

    func run() async throws {
        let settings = try await common.settings([
            "holdfast.host": host, "holdfast.port": port?.description,
            "holdfast.poolSize": poolSize?.description, "holdfast.migrations": migrations,
            "holdfast.maxRequests": maxRequests?.description,
        ])
        let logger = try settings.logger()
        let tokens = try await tokens(settings, logger)
        var limits = Limits()
        limits.requests = try settings.maxRequests
        limits.connections = min(
            limits.connections, raiseDescriptorLimit() - (try settings.poolSize))
        guard limits.connections > 0 else {
            throw SettingError(
                "--pool-size (HOLDFAST_POOL_SIZE): the operating system does not let this process open "
                    + "so many sockets (ulimit -n).")
        }
        let port = try settings.port
        let redlock = try settings.redlock(logger)
        let database = try Database.service(settings)
        let bell = Bell()
        let store = Store(
            database: database,
            environment: ServiceEnvironment(
                logger: logger, onChange: bell.ring, redlock: redlock))
        let attendanceDatabase = Database.attendance(settings)
        let attendance = Attendance(
            database: attendanceDatabase, files: try MigrationFile.all(in: settings.migrations),
            drainDelay: .seconds(drainDelay.seconds), logger: logger)
        let front = HTTPFront(store: store, tokens: tokens, limits: limits) {
            await attendance.readiness()
        }
        let server = front.server(host: settings.host, port: port, logger: logger) { port in
            print("Holdfast serves on http://\(settings.host):\(port)")
            // Whoever waits for this line may be reading from a pipe.
            fflush(nil)
        }
        let housekeeping = Housekeeping(store: store)
        let locks = OfflineLockService(store: store)
        let waitlist = WaitlistService(store: store)
        var services: [any Service] = [
            ConnectionCloser(databases: [database, attendanceDatabase], redlock: redlock),
            Sweeper(interval: .seconds(300), logger: logger) {
                try await housekeeping.sweepMarkers()
                try await housekeeping.sweepIdempotencyKeys()
            },
            Sweeper(interval: .seconds(5), logger: logger) { try await locks.sweep() },
            Sweeper(interval: .seconds(5), logger: logger) {
                try await waitlist.offerExpiredHolds()
            },
            server,
            attendance,
        ]
        if let transport = try settings.mailTransport(isDevelopment: development, logger) {
            let courier = try settings.courier(store: store, transport: transport)
            services.insert(Deliveries(courier: courier, bell: bell, logger: logger), at: 4)
        } else {
            logger.notice("messages stay queued: no mail server is set (HOLDFAST_SMTP_URL)")
        }
        do {
            try await ServiceGroup.untilSignalled(
                services, drainDelay: .seconds(drainDelay.seconds), logger: logger
            ).run()
        } catch let error as IOError {
            throw SettingError(
                "Cannot listen on \(settings.host):\(port): "
                    + "\(String(cString: strerror(error.errnoCode))). "
                    + "Choose with --host (HOLDFAST_HOST) and --port (HOLDFAST_PORT).")
        } catch is SocketAddressError {
            throw SettingError("--host (HOLDFAST_HOST): there is no host '\(settings.host)'.")
        }
    }

    private func tokens(_ settings: Settings, _ logger: Logger) async throws -> Tokens {
        let secret = try settings.secret(isDevelopment: development)
        if secret == Settings.developmentSecret {
            guard ["127.0.0.1", "::1", "localhost"].contains(settings.host) else {
                throw SettingError(
                    "--development is for this machine only: set HOLDFAST_JWT_SECRET to listen on "
                        + "\(settings.host).")
            }
            logger.warning("tokens are signed with a secret that everybody knows (--development)")
        }
        let keySet = try settings.keySet
        guard secret != nil || keySet != nil else {
            throw SettingError(
                "No key for tokens: set HOLDFAST_JWT_SECRET (32 bytes or more) or HOLDFAST_JWKS "
                    + "(a file), or try things out with --development.")
        }
        do {
            return try await Tokens(
                secret: secret, keySet: keySet, issuer: settings.issuer, audience: settings.audience
            )
        } catch {
            throw SettingError("HOLDFAST_JWKS cannot be used: \(error).")
        }
    }

    /// Lets the process have as many files and sockets open as it may.
    /// - Returns: How many of them can be connections.
    private func raiseDescriptorLimit() -> Int {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        // The rest is for the log and what libraries open.
        return Int(clamping: limit.rlim_cur) - 64
    }
}
