import ArgumentParser
import Foundation

@main
struct Prove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prove on this machine that nothing is booked twice, whatever fails.",
        discussion: "Wants a PostgreSQL server of its own: use 'make prove' and 'make mutants'.",
        subcommands: [Everything.self, Schedules.self, Mutants.self, Failover.self],
        defaultSubcommand: Everything.self)
}

/// Says what happens, apart from the result.
func say(_ what: String) { FileHandle.standardError.write(Data("\(what)\n".utf8)) }
