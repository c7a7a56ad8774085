import ArgumentParser
import FoundationEssentials
import HTTPFront

struct Token: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a token, signed with HOLDFAST_JWT_SECRET, and print it.")

    @OptionGroup var common: CommonOptions

    @Option(help: "operator, admin, practitioner, receptionist or patient.")
    var role: Role

    @Option(help: "The clinic's id; not for an operator.")
    var clinic: UUID?

    @Option(help: "The patient's id; for a patient.")
    var patient: UUID?

    @Option(help: "Whom the token names (default: the role).")
    var subject: String?

    @Option(help: "Where a member of staff gets messages.")
    var email: String?

    @Option(help: "How long it is good: a number and s, m, h or d.")
    var ttl: Lifetime = Lifetime(seconds: 8 * 3600)

    @Flag(help: "Without HOLDFAST_JWT_SECRET, take the secret that everybody knows.")
    var development = false

    func validate() throws {
        if role == .operator && clinic != nil {
            throw ValidationError("An operator acts in every clinic: leave out --clinic.")
        }
        if role != .patient && patient != nil {
            throw ValidationError("--patient is for the role patient.")
        }
        if let subject, !(1...255).contains(subject.utf8.count) {
            throw ValidationError("--subject must have 1 to 255 bytes.")
        }
        if role != .operator && clinic == nil {
            throw ValidationError("A token for \(role.rawValue) needs --clinic.")
        }
        if role == .patient && patient == nil {
            throw ValidationError("A token for a patient needs --patient.")
        }
    }

    func run() async throws {
        let settings = try await common.settings()
        guard let secret = try settings.secret(isDevelopment: development) else {
            throw SettingError(
                "No secret to sign with: set HOLDFAST_JWT_SECRET, or use --development.")
        }
        let tokens = try await Tokens(
            secret: secret, keySet: nil, issuer: settings.issuer, audience: settings.audience)
        print(
            try await tokens.issue(
                role: role, clinicID: clinic, patientID: patient,
                subject: subject ?? role.rawValue, email: email, lifetime: ttl.seconds))
    }
}

/// A length of time as people type it: `90s`, `15m`, `8h`, `30d`.
struct Lifetime: ExpressibleByArgument, CustomStringConvertible {
    let seconds: TimeInterval

    init(seconds: TimeInterval) { self.seconds = seconds }

    init?(argument: String) {
        let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        guard let unit = argument.last.flatMap({ units[$0] }), let count = Int(argument.dropLast()),
            (1...1_000_000).contains(count)
        else { return nil }
        seconds = Double(count) * unit
    }

    var description: String {
        let (count, unit) =
            switch Int(seconds) {
            case let seconds where seconds % 3600 == 0: (seconds / 3600, "h")
            case let seconds where seconds % 60 == 0: (seconds / 60, "m")
            case let seconds: (seconds, "s")
            }
        return "\(count)\(unit)"
    }
}

/// Like ``Lifetime``, but may be none: `0s`.
struct Delay: ExpressibleByArgument, CustomStringConvertible {
    let seconds: TimeInterval

    init(seconds: TimeInterval) { self.seconds = seconds }

    init?(argument: String) {
        guard argument != "0s" else {
            seconds = 0
            return
        }
        guard let lifetime = Lifetime(argument: argument) else { return nil }
        seconds = lifetime.seconds
    }

    var description: String { "\(Lifetime(seconds: seconds))" }
}

extension Role: ExpressibleByArgument {}

extension UUID: @retroactive ExpressibleByArgument {
    /// Reads an id.
    public init?(argument: String) { self.init(uuidString: argument) }
}
