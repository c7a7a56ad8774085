import ArgumentParser
import Clinic
import Glibc
import Logging
import Postgres
import ServiceLifecycle

struct RunCourier: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "courier",
        abstract: "Deliver queued messages, as 'serve' does, too, until SIGTERM or SIGINT.",
        discussion: """
            Any number of couriers share the work, each over one connection to the mail server. On \
            SIGTERM the message under way is finished.
            """)

    @OptionGroup var common: CommonOptions

    @Flag(help: "Without HOLDFAST_SMTP_URL, log messages instead of sending them.")
    var development = false

    func run() async throws {
        let settings = try await common.settings()
        let logger = try settings.logger()
        guard let transport = try settings.mailTransport(isDevelopment: development, logger) else {
            throw SettingError(
                "No mail server: set HOLDFAST_SMTP_URL, such as smtp://mail.example.org:587, or try "
                    + "things out with --development.")
        }
        let database = try Database.courier(settings)
        let store = Store(database: database, environment: ServiceEnvironment(logger: logger))
        let courier = try settings.courier(store: store, transport: transport)
        print("Holdfast's courier takes messages to \(try settings.mailServer ?? "the log")")
        // Whoever waits for this line may be reading from a pipe.
        fflush(nil)
        try await ServiceGroup.untilSignalled(
            [
                ConnectionCloser(databases: [database]),
                Deliveries(courier: courier, bell: Bell(), logger: logger),
            ], logger: logger
        ).run()
    }
}
