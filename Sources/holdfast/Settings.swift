import ArgumentParser
import Configuration
import FoundationEssentials
import Logging
import SystemPackage

/// What every subcommand takes.
struct CommonOptions: ParsableArguments {
    @Option(help: "A JSON file with settings, such as {\"holdfast\": {\"port\": 8080}}.")
    var config: String?

    @Option(
        help: """
            A libpq URI; several hosts are allowed (DATABASE_URL). A password belongs into the \
            environment or a password file: others can see flags.
            """)
    var databaseURL: String?

    @Option(help: "trace, debug, info, notice, warning, error or critical (HOLDFAST_LOG_LEVEL).")
    var logLevel: String?

    /// The settings, `flags` first.
    func settings(_ flags: [String: String?] = [:]) async throws -> Settings {
        var flags = flags
        flags["database.url"] = databaseURL
        flags["holdfast.logLevel"] = logLevel
        return try await Settings(flags: flags.compactMapValues(\.self), file: config)
    }
}

/// The settings of a run: flags, then environment, then file.
struct Settings {
    private let reader: ConfigReader

    /// The secret of `--development`: published here, so good for nothing else.
    static let developmentSecret = "holdfast-development-secret-which-everybody-knows"

    init(flags: [String: String], file: String?) async throws {
        let flags = Dictionary(
            uniqueKeysWithValues: flags.map { key, value in
                (
                    AbsoluteConfigKey(key.split(separator: ".").map(String.init)),
                    ConfigValue(.string(value), isSecret: false)
                )
            })
        var providers: [any ConfigProvider] = [
            InMemoryProvider(values: flags),
            EnvironmentVariablesProvider(),
        ]
        if let file {
            do {
                providers.append(try await FileProvider<JSONSnapshot>(filePath: FilePath(file)))
            } catch {
                throw SettingError("--config: '\(file)' cannot be read as a JSON object.")
            }
        }
        reader = ConfigReader(providers: providers)
    }

    /// Empty where libpq's own `PG*` variables say it all.
    var databaseURL: String { text("database.url") ?? "" }

    var host: String { text("holdfast.host") ?? "127.0.0.1" }

    var port: Int {
        get throws {
            try integer("holdfast.port", in: 0...65_535, "--port (HOLDFAST_PORT)") ?? 8080
        }
    }

    var poolSize: Int {
        get throws {
            try integer("holdfast.poolSize", in: 1...1000, "--pool-size (HOLDFAST_POOL_SIZE)") ?? 16
        }
    }

    var maxRequests: Int {
        get throws {
            try integer(
                "holdfast.maxRequests", in: 1...100_000, "--max-requests (HOLDFAST_MAX_REQUESTS)")
                ?? 4096
        }
    }

    var migrations: String { text("holdfast.migrations") ?? "migrations" }

    /// The Redis servers' URLs, which may hold passwords; in a file they may also be a list.
    var redisURLs: [String] {
        let urls =
            text("holdfast.redisUrls")?.split(separator: ",").map(String.init)
            ?? reader.stringArray(forKey: "holdfast.redisUrls") ?? []
        // A variable that is set to nothing is not set.
        return urls.filter { !$0.isEmpty }
    }

    /// The mail server's URL, which may hold a password; nil if there is none.
    var smtpURL: String? { text("holdfast.smtpUrl") }

    /// A file with the certificates that a mail server's may be signed with.
    var smtpCertificates: String? { text("holdfast.smtpCa") }

    var mailFrom: String { text("holdfast.mailFrom") ?? "holdfast@localhost" }

    var issuer: String { text("holdfast.jwtIssuer") ?? "holdfast" }

    var audience: String { text("holdfast.jwtAudience") ?? "holdfast" }

    /// The text of the key set that HOLDFAST_JWKS names.
    var keySet: String? {
        get throws {
            guard let path = text("holdfast.jwks") else { return nil }
            guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
                throw SettingError("HOLDFAST_JWKS: '\(path)' cannot be read.")
            }
            return text
        }
    }

    /// The HS256 secret; nil if there is none.
    func secret(isDevelopment: Bool) throws -> String? {
        guard let secret = text("holdfast.jwtSecret") else {
            return isDevelopment ? Self.developmentSecret : nil
        }
        guard secret.utf8.count >= 32 else {
            throw SettingError(
                "HOLDFAST_JWT_SECRET is shorter than 32 bytes. Make one: openssl rand -base64 48")
        }
        return secret
    }

    /// A logger on standard error.
    func logger() throws -> Logger {
        let name = text("holdfast.logLevel") ?? "info"
        guard let level = Logger.Level(rawValue: name) else {
            let levels = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
            throw SettingError("--log-level (HOLDFAST_LOG_LEVEL) must be one of \(levels).")
        }
        var logger = Logger(label: "holdfast") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = level
        return logger
    }

    /// A setting as text; in a file it may also be written as a number.
    private func text(_ key: String) -> String? {
        let key = ConfigKey(key)
        let text = reader.string(forKey: key) ?? reader.int(forKey: key).map(String.init)
        return text.flatMap { $0.isEmpty ? nil : $0 }
    }

    private func integer(
        _ key: String, in range: ClosedRange<Int>, _ name: String
    ) throws -> Int? {
        guard let text = text(key) else { return nil }
        guard let value = Int(text), range.contains(value) else {
            throw SettingError(
                "\(name) must be an integer from \(range.lowerBound) to \(range.upperBound).")
        }
        return value
    }
}

/// A setting that cannot be used.
struct SettingError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
