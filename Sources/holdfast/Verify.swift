import ArgumentParser
import Clinic
import Foundation
import HTTPFront
import Postgres

struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Check every invariant of the data; exit with 1 and the offending rows if one is broken.",
        discussion: """
            Reads everything, in one snapshot, and changes nothing: the service may go on meanwhile. For \
            after a restore, or for a good night.
            """)

    @OptionGroup var common: CommonOptions

    @Option(help: "How long one check of one clinic may take: a number and s, m or h.")
    var statementTimeout = Lifetime(seconds: 600)

    @Flag(help: "Print the result as JSON.")
    var json = false

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
        print(json ? try report.json : report.table)
        if !report.breaches.isEmpty { throw ExitCode.failure }
    }
}

extension Verification.Report {
    /// A line for each offending row, and one about all.
    fileprivate var table: String {
        let rows = breaches.map { ("\($0.number)", $0.clinicID.text, $0.row, $0.rule) }
        let head = [("", "CLINIC", "ROW", "RULE")].filter { _ in !rows.isEmpty }
        let width = (rows + head).map(\.2.count).max() ?? 0
        let lines = (head + rows).map { number, clinic, row, rule in
            [number.padded(to: 4), clinic.padded(to: 38), row.padded(to: width + 2), rule].joined()
        }
        let summary = "verified: \(clinics) clinics, \(rules) rules, \(breaches.count) breaches"
        return (lines + [summary]).joined(separator: "\n")
    }

    fileprivate var json: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(JSONReport(self)), as: UTF8.self)
        }
    }
}

/// The report as a program reads it.
private struct JSONReport: Encodable {
    struct Breach: Encodable {
        let invariant: Int
        let rule: String
        let clinicId: String
        let row: String
    }

    let clinics: Int
    let rules: Int
    let breaches: [Breach]

    init(_ report: Verification.Report) {
        clinics = report.clinics
        rules = report.rules
        breaches = report.breaches.map {
            Breach(invariant: $0.number, rule: $0.rule, clinicId: $0.clinicID.text, row: $0.row)
        }
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
