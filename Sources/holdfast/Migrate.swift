import ArgumentParser
import Migrations
import Postgres

struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring the database's schema up to date, or say how it stands.",
        subcommands: [Up.self, Status.self])

    struct Options: ParsableArguments {
        @OptionGroup var common: CommonOptions

        @Option(help: "The folder of migrations (HOLDFAST_MIGRATIONS; ./migrations).")
        var migrations: String?

        /// Calls `body` with a migrator on the settings' database.
        func withMigrator(_ body: (Migrator) async throws -> Void) async throws {
            let settings = try await common.settings(["holdfast.migrations": migrations])
            let database = Database.owner(settings)
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

        func run() async throws {
            try await options.withMigrator { migrator in
                try await migrator.up { file, time in
                    print("applied \(file.name) in \(time.milliseconds) ms")
                }
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
                    print(status.isApplied ? "[x]" : "[ ]", status.file.name)
                }
                print("pending: \(all.count { !$0.isApplied })")
            }
        }
    }
}
