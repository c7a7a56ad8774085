import Postgres
import PostgresTesting

/// A part of the proof, and what can be taken away before it is tried.
package struct Examination: Sendable {
    package let title: String
    /// Tries it, and gives what was wrong: nothing, as long as all defences are in place.
    package let violations: @Sendable (Sabotage) async throws -> [String]

    /// All of them, but for the faults.
    package static let all =
        Interleaving.all.map(\.examination) + commits + WireRequest.all.map(\.examination)
}

/// What is taken away.
package struct Sabotage: Sendable {
    /// On the way to the server and back.
    package let tampering: [Tampering]
    /// In the database, by its owner.
    let statements: [String]

    /// Nothing.
    package static let none = Sabotage(tampering: [], statements: [])

    func apply(to database: TestDatabase) async throws {
        guard !statements.isEmpty else { return }
        try await database.owner.withSession { session in
            for statement in statements { try session.executeUncheckedScript(statement) }
        }
    }
}
