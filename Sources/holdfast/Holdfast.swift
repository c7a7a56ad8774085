import ArgumentParser

/// The command line: one subcommand a file.
@main
struct Holdfast: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "holdfast",
        abstract: "Books clinic appointments and never double-books.",
        discussion: """
            Settings come from flags, then from the environment, then from the JSON file that \
            --config names. Secrets are never taken from flags, which others can see.
            """,
        subcommands: [
            Serve.self, RunCourier.self, Migrate.self, Token.self, Seed.self, Verify.self,
        ]
    )
}
