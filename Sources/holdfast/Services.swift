import Clinic
import FoundationEssentials
import HTTPFront
import Logging
import Migrations
import Postgres
import Redlock
import ServiceLifecycle
import Synchronization
import UnixSignals

extension ServiceGroup {
    /// Services that run until SIGTERM or SIGINT, and then are stopped from the last to the first, each
    /// when the one behind it has ended.
    ///
    /// Half a minute is enough for what is in flight, which has limits of its own.
    static func untilSignalled(
        _ services: [any Service], drainDelay: Duration = .zero, logger: Logger
    ) -> ServiceGroup {
        var configuration = ServiceGroupConfiguration(
            services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        configuration.maximumGracefulShutdownDuration = .seconds(30) + drainDelay
        return ServiceGroup(configuration: configuration)
    }
}

/// Knows whether the service can do its work, and on SIGTERM says that it will not for long.
final class Attendance: Service {
    private let database: Database
    private let files: [MigrationFile]
    private let drainDelay: Duration
    private let logger: Logger
    private let isDraining = Atomic(false)

    init(database: Database, files: [MigrationFile], drainDelay: Duration, logger: Logger) {
        self.database = database
        self.files = files
        self.drainDelay = drainDelay
        self.logger = logger
    }

    /// For whoever asks: names of what is missing, no addresses. The log says why.
    func readiness() async -> Readiness {
        guard !isDraining.load(ordering: .relaxed) else { return .draining }
        do {
            let applied = try await Set(appliedVersions(in: database))
            return readiness(applied: applied)
        } catch let error as PostgresError where error.isOfUnmigratedServer {
            return readiness(applied: [])
        } catch let error as PostgresError where error.kind == .poolTimeout {
            // Too many ask at once, and are answered: so the database is there.
            return .ready
        } catch is CancellationError {
            return .waiting(for: ["database"])
        } catch {
            logger.warning("the database cannot be reached", metadata: ["cause": "\(error)"])
            return .waiting(for: ["database"])
        }
    }

    /// Stands by until the service is to stop, then gives load balancers time to notice.
    func run() async throws {
        if case .waiting(let missing) = await readiness(), !Task.isCancelled {
            logger.warning("not ready yet", metadata: ["missing": "\(missing)"])
        }
        try await gracefulShutdown()
        isDraining.store(true, ordering: .relaxed)
        logger.info("stopping", metadata: ["drain_delay": "\(drainDelay)"])
        try await Task.sleep(for: drainDelay)
    }

    private func readiness(applied: Set<String>) -> Readiness {
        let missing = files.filter { !applied.contains($0.version) }.map { "migration \($0.name)" }
        return missing.isEmpty ? .ready : .waiting(for: missing)
    }
}

extension PostgresError {
    /// Whether the connection was made but the service's role, which migrations make, is not there.
    fileprivate var isOfUnmigratedServer: Bool {
        kind == .connectFailed && sqlState == .invalidParameterValue
    }
}

/// Closes the connections to the databases, and to Redis, when everybody who uses them has stopped.
struct ConnectionCloser: Service {
    let databases: [Database]
    var redlock: Redlock?

    func run() async throws {
        try await gracefulShutdown()
        await redlock?.close()
        for database in databases { await database.close() }
    }
}

/// Does away with what has served its time, now and then.
struct Sweeper: Service {
    let interval: Duration
    let logger: Logger
    let sweep: @Sendable () async throws -> Void

    func run() async throws {
        await cancelWhenGracefulShutdown {
            repeat {
                do {
                    try await sweep()
                } catch is CancellationError {
                    return
                } catch {
                    logger.info("sweeping was put off", metadata: ["cause": "\(error)"])
                }
                // Ends the loop when it is cancelled.
            } while (try? await Task.sleep(for: interval)) != nil
        }
    }
}
