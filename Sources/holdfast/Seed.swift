import ArgumentParser
import Clinic
import FoundationEssentials
@preconcurrency import Glibc
import HTTPFront
import Postgres

struct Seed: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Add a demonstration network; print ids, tokens and a first booking.",
        discussion: """
            3 clinics in 3 time zones, 40 practitioners with four weeks of 15-minute slots each, \
            500 patients. Run again, it adds what is missing. Tokens are printed if HOLDFAST_JWT_SECRET is set.
            """)

    @OptionGroup var common: CommonOptions

    @Flag(help: "Add nothing if there is a clinic that is not of the demonstration.")
    var ifEmpty = false

    @Flag(help: "Without HOLDFAST_JWT_SECRET, take the secret that everybody knows.")
    var development = false

    @Option(help: "The host that the printed commands name (HOLDFAST_HOST; 127.0.0.1).")
    var host: String?

    @Option(help: "The port that the printed commands name (HOLDFAST_PORT; 8080).")
    var port: Int?

    func run() async throws {
        let settings = try await common.settings([
            "holdfast.host": host, "holdfast.port": port?.description,
        ])
        let secret = try settings.secret(isDevelopment: development)
        let address = "http://\(settings.host):\(try settings.port)"
        let database = try Database.service(settings)
        do {
            let demonstration = Demonstration(
                store: Store(
                    database: database,
                    environment: ServiceEnvironment(logger: try settings.logger())))
            var isWanted = true
            if ifEmpty { isWanted = try await !demonstration.hasOthers() }
            if isWanted { try await fill(demonstration) }
            if let tour = try await demonstration.tour(now: Date()) {
                try await describe(tour, secret: secret, address: address, settings)
            } else {
                print("There is no clinic with a free slot and two free patients to try it on.")
            }
        } catch let error as PostgresError where error.sqlState == .undefinedTable {
            await database.close()
            throw SettingError("The database has no tables yet: run 'holdfast migrate up' first.")
        } catch {
            await database.close()
            throw error
        }
        await database.close()
    }

    /// Adds the network, with a progress bar where somebody is watching.
    private func fill(_ demonstration: Demonstration) async throws {
        let isWatched = isatty(STDERR_FILENO) == 1
        let added = try await demonstration.fill(today: Date()) { part in
            guard isWatched else { return }
            let done = Int(part * 40)
            let bar = String(repeating: "#", count: done) + String(repeating: ".", count: 40 - done)
            fputs("\rSeeding [\(bar)] \(Int(part * 100)) %", stderr)
        }
        if isWatched { fputs("\n", stderr) }
        if added > 0 {
            print("Seeded 3 clinics, 40 practitioners, 500 patients; added \(added) slots.")
        }
    }

    private func describe(
        _ tour: Demonstration.Tour, secret: String?, address: String, _ settings: Settings
    ) async throws {
        print(
            """

            Clinic   \(tour.clinic.id.text)  \(tour.clinic.name), \(tour.clinic.timeZone)
            Slot     \(tour.slot.id.text)  the next that is free
            Patients \(tour.patients.map(\.id.text).joined(separator: "  "))
            """)
        guard let secret else {
            return print("Set HOLDFAST_JWT_SECRET to have tokens printed, too.")
        }
        let tokens = try await Tokens(
            secret: secret, keySet: nil, issuer: settings.issuer, audience: settings.audience)
        func token(_ role: Role, _ clinicID: UUID?, _ patientID: UUID? = nil) async throws -> String
        {
            try await tokens.issue(
                role: role, clinicID: clinicID, patientID: patientID,
                subject: patientID.map { "patient:\($0.text)" } ?? role.rawValue, lifetime: 8 * 3600
            )
        }
        print("\nTokens, good for eight hours:")
        print("operator      \(try await token(.operator, nil))")
        print("admin         \(try await token(.admin, tour.clinic.id))")
        print("receptionist  \(try await token(.receptionist, tour.clinic.id))")
        for (name, patient) in zip(["one", "another"], tour.patients) {
            print(
                """

                Book the slot as \(name) patient:
                curl -sS -X POST \(address)/v1/clinics/\(tour.clinic.id.text)/appointments \\
                  -H 'Content-Type: application/json' \\
                  -H 'Authorization: Bearer \(try await token(.patient, tour.clinic.id, patient.id))' \\
                  -d '{"slot_id": "\(tour.slot.id.text)"}'
                """)
        }
        print("")
    }
}
