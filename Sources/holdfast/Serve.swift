import ArgumentParser
import Clinic
import Glibc
import HTTPFront
import Hummingbird
import Logging
import Migrations
import NIOCore
import Postgres

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve the HTTP API until SIGTERM or SIGINT.")

    @OptionGroup var common: CommonOptions

    @Option(help: "The address to listen on (HOLDFAST_HOST; 127.0.0.1).")
    var host: String?

    @Option(help: "The port to listen on (HOLDFAST_PORT; 8080); 0 takes one that is free.")
    var port: Int?

    @Option(help: "Database connections at the most (HOLDFAST_POOL_SIZE; 16).")
    var poolSize: Int?

    @Option(help: "The folder of migrations (HOLDFAST_MIGRATIONS; ./migrations).")
    var migrations: String?

    @Flag(help: "Without HOLDFAST_JWT_SECRET, take a secret that everybody knows.")
    var development = false

    func validate() throws {
        guard port.map((0...65_535).contains) ?? true else {
            throw ValidationError("--port must be from 0 to 65535.")
        }
        guard poolSize.map((1...1000).contains) ?? true else {
            throw ValidationError("--pool-size must be from 1 to 1000.")
        }
    }

    func run() async throws {
        let settings = try await common.settings([
            "holdfast.host": host, "holdfast.port": port?.description,
            "holdfast.poolSize": poolSize?.description, "holdfast.migrations": migrations,
        ])
        let logger = try settings.logger()
        let tokens = try await tokens(settings)
        let database = try Database.service(settings)
        let files = try MigrationFile.all(in: settings.migrations)
        let store = Store(
            database: database, environment: ServiceEnvironment(logger: logger))
        let readiness = Readiness(database: database, files: files, logger: logger)
        let front = HTTPFront(store: store, tokens: tokens) { await readiness.missing() }
        let host = settings.host
        let server = front.server(host: host, port: try settings.port, logger: logger) { port in
            print("Holdfast serves on http://\(host):\(port)")
            // Whoever waits for this line may be reading from a pipe.
            fflush(nil)
        }
        do {
            try await server.runService()
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            await database.close()
            throw SettingError(
                "Port \(try settings.port) is in use; choose another with --port (HOLDFAST_PORT).")
        } catch {
            await database.close()
            throw error
        }
        await database.close()
    }

    private func tokens(_ settings: Settings) async throws -> Tokens {
        let secret = try settings.secret(isDevelopment: development)
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
}

/// Asks whether the service can do its work.
struct Readiness: Sendable {
    let database: Database
    let files: [MigrationFile]
    let logger: Logger

    /// What is missing, for whoever asks: names, no addresses. Empty when all is there.
    func missing() async -> [String] {
        do {
            let applied = try await Set(appliedVersions(in: database))
            return files.filter { !applied.contains($0.version) }.map { "migration \($0.name)" }
        } catch {
            logger.warning("not ready", metadata: ["cause": "\(error)"])
            return ["database"]
        }
    }
}
