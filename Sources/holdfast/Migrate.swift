import ArgumentParser
import Migrations
import Postgres

struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring the database's schema up to date, or say how it stands.",
        discussion: """
            The files are in dbmate's format and remembered in its table. A file that was changed \
            after it had been applied is an error that names it.
            """,
        subcommands: [Up.self, Down.self, Status.self, Verify.self])

    struct Options: ParsableArguments {
        @OptionGroup var common: CommonOptions

        @Option(help: "The folder of migrations (HOLDFAST_MIGRATIONS; ./migrations).")
        var migrations: String?

        @Option(help: "How long to wait for a table that is in use: a number and s, m or h.")
        var lockTimeout = Lifetime(seconds: 5)

        @Option(help: "How long one statement may run: a number and s, m or h.")
        var statementTimeout = Lifetime(seconds: 600)

        /// Calls `body` with a migrator on the settings' database.
        func withMigrator(_ body: (Migrator) async throws -> Void) async throws {
            let settings = try await common.settings(["holdfast.migrations": migrations])
            let database = Database.owner(
                settings, lockTimeout: .seconds(lockTimeout.seconds),
                statementTimeout: .seconds(statementTimeout.seconds))
            do {
                try await body(Migrator(database: database, directory: settings.migrations))
            } catch {
                await database.close()
                throw error
            }
            await database.close()
        }
    }

    struct Up: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Apply what is missing.")

        @OptionGroup var options: Options

        @Flag(help: "Only say what would be applied.")
        var dryRun = false

        func run() async throws {
            try await options.withMigrator { migrator in
                let missing = try await migrator.up(isDryRun: dryRun) {
                    $0.print("apply", "applied")
                }
                if missing == 0 { print("nothing to apply: the database is up to date") }
            }
        }
    }

    struct Down: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Revert the migration that was applied last.")

        @OptionGroup var options: Options

        @Flag(help: "Only say what would be reverted.")
        var dryRun = false

        func run() async throws {
            try await options.withMigrator { migrator in
                try await migrator.down(isDryRun: dryRun) { $0.print("revert", "reverted") }
            }
        }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the migrations, applied and pending.")

        @OptionGroup var options: Options

        func run() async throws {
            try await options.withMigrator { migrator in
                let all = try await migrator.status()
                for status in all {
                    let note = status.hasDrifted ? "  (changed after it had been applied)" : ""
                    print(status.isApplied ? "[x]" : "[ ]", status.file.name + note)
                }
                print("pending: \(all.count { !$0.isApplied })")
            }
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check that what is applied is what the files say.")

        @OptionGroup var options: Options

        func run() async throws {
            try await options.withMigrator { migrator in
                try await migrator.verify()
                print("verified: \(try await migrator.status().count(where: \.isApplied)) applied")
            }
        }
    }
}

extension Migrator.Step {
    /// One line for an operator.
    fileprivate func print(_ infinitive: String, _ participle: String) {
        if let duration {
            Swift.print("\(participle) \(file.name) in \(duration.milliseconds) ms")
        } else {
            Swift.print("would \(infinitive) \(file.name)")
        }
    }
}
