import ArgumentParser
import Clinic
import HTTPFront
import Postgres

struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Check every invariant of the data; exit with 1 and the offending rows if one is broken.",
        discussion:
            "Reads everything and changes nothing. For after a restore, or for a good night.")

    @OptionGroup var common: CommonOptions

    @Option(help: "How long one check of one clinic may take: a number and s, m or h.")
    var statementTimeout = Lifetime(seconds: 600)

    func run() async throws {
        let settings = try await common.settings()
        var configuration = DatabaseConfiguration(
            url: settings.databaseURL, role: "holdfast_service")
        configuration.poolSize = 1
        configuration.statementTimeout = .seconds(statementTimeout.seconds)
        configuration.deadline = .seconds(86_400)
        // It reads whole tables.
        configuration.plansOnce = false
        let database = Database(configuration)
        let report: Verification.Report
        do {
            report = try await Verification(
                store: Store(
                    database: database,
                    environment: ServiceEnvironment(logger: try settings.logger()))
            ).run()
        } catch {
            await database.close()
            throw error
        }
        await database.close()
        for breach in report.breaches {
            print("\(breach.number). \(breach.rule) Clinic \(breach.clinicID.text): \(breach.row)")
        }
        print(
            "verified: \(report.clinics) clinics, \(report.rules) rules, "
                + "\(report.breaches.count) breaches")
        if !report.breaches.isEmpty { throw ExitCode.failure }
    }
}
