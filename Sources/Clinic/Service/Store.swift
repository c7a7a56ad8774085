import FoundationEssentials
import Postgres

/// The services' door to the database: what every write has in common, and no error of the wrapper
/// gets past it that a caller could do something about.
package struct Store: Sendable {
    let database: Database
    let environment: ServiceEnvironment

    package init(database: Database, environment: ServiceEnvironment) {
        self.database = database
        self.environment = environment
    }

    /// Makes the id of something new.
    package var newID: @Sendable () -> UUID { environment.newID }

    /// Runs a read; see ``Database/read(isolation:_:)``.
    /// - Throws: ``Unavailable``; what `body` throws.
    func read<Result: Sendable>(
        isolation: TransactionOptions.Isolation = .readCommitted,
        _ body: @escaping @Sendable (Transaction) throws -> Pending<Result>
    ) async throws -> Result {
        try await translatingErrors { try await database.read(isolation: isolation, body) }
    }

    /// Runs a change to one clinic's data. Its first statement inserts the transaction's marker, by
    /// which a commit whose answer was lost can be told from one that never was.
    /// - Parameter isCancellable: Whether cancelling the task may undo it before its `COMMIT`.
    /// - Throws: ``Unavailable``; what `body` throws.
    func write<Result: Sendable>(
        to clinicID: UUID,
        isCancellable: Bool = true,
        _ body: @escaping @Sendable (Transaction) throws -> Pending<Result>
    ) async throws -> Result {
        let marker = environment.newID()
        return try await translatingErrors {
            try await database.write(TransactionOptions(isCancellable: isCancellable)) { tx in
                tx.pipeline.execute(
                    "INSERT INTO markers (clinic_id, id) VALUES (\(clinicID), \(marker))")
                return try body(tx)
            }
        }
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
