import FoundationEssentials
import Postgres

/// The services' door to the database: what every write has in common, and no error of the wrapper
/// gets past it that a caller could do something about.
package struct Store: Sendable {
    let database: Database
    package let environment: ServiceEnvironment
    let turns = IdempotencyTurns()

    /// How long a change may take in all, the settling of a commit in doubt included.
    let deadline: Duration

    package init(
        database: Database, environment: ServiceEnvironment, deadline: Duration = .seconds(15)
    ) {
        self.database = database
        self.environment = environment
        self.deadline = deadline
    }

    /// Makes the id of something new.
    package var newID: @Sendable () -> UUID { environment.newID }

    /// When a change that begins now is given up.
    var nextDeadline: Deadline { .now + deadline }

    /// Runs a read; see ``Database/read(isolation:until:_:)``.
    /// - Throws: ``Unavailable``; what `body` throws.
    func read<Result: Sendable>(
        isolation: TransactionOptions.Isolation = .readCommitted, until deadline: Deadline? = nil,
        _ body: @escaping @Sendable (Transaction) throws -> Pending<Result>
    ) async throws -> Result {
        try await translatingErrors {
            try await database.read(isolation: isolation, until: deadline, body)
        }
    }

    /// Runs a change to one clinic's data, and settles what became of it if the answer to its
    /// `COMMIT` is lost; see ``MarkedChange``. All ids that `body` writes are made before.
    /// - Parameters:
    ///   - isCancellable: Whether cancelling the task may undo it before its `COMMIT`.
    ///   - deadline: When to give up; nil: `deadline` from now.
    /// - Throws: ``Unavailable``; what `body` throws.
    func write<Result: Sendable>(
        to clinicID: UUID,
        isCancellable: Bool = true, until deadline: Deadline? = nil,
        _ body: @escaping MarkedChange<Result>.Body
    ) async throws -> Result {
        let deadline = deadline ?? nextDeadline
        let change = MarkedChange(to: clinicID, marker: newID(), body)
        let options = TransactionOptions(isCancellable: isCancellable, deadline: deadline)
        let result = try await translatingErrors {
            do {
                return try await database.write(options) { tx in try change.begin(tx) }
            } catch let doubt as PostgresError where doubt.kind == .commitUnknown {
                return try await settle(change, after: doubt, until: deadline)
            }
        }
        if change.mayHaveChanged { environment.onChange() }
        return result
    }

    private func translatingErrors<Result>(
        _ work: () async throws -> Result
    ) async throws -> Result {
        do {
            return try await work()
        } catch let error as PostgresError {
            throw Unavailable(error) ?? error
        }
    }
}
