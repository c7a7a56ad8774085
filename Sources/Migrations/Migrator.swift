internal import Glibc
import Postgres

/// Applies and reverts migration files.
///
/// What is applied is remembered in dbmate's own table, `schema_migrations`, so that either tool may
/// be used on the same database. Beside it `schema_checksums` remembers what each file was, which
/// dbmate does not.
///
/// A run holds an advisory lock of its session from beginning to end: of two at once, the second
/// waits and then finds nothing left to do. Each file and its bookkeeping are one transaction, unless
/// it says `transaction:false`.
package struct Migrator: Sendable {
    /// A file and what is known of it.
    package struct Status: Hashable, Sendable {
        package let file: MigrationFile
        package let isApplied: Bool
        /// Applied, and the file is not what it was then.
        package let hasDrifted: Bool
    }

    /// A step of a run, for whoever watches it.
    package struct Step: Sendable {
        package let file: MigrationFile
        /// How long it took; nil in a dry run.
        package let duration: Duration?
    }

    /// The files, in the order in which they apply.
    package let files: [MigrationFile]
    private let database: Database

    /// Migrates `database`, whose login role must own the schema, by the files of `directory`.
    package init(database: Database, directory: String) throws {
        self.database = database
        files = try MigrationFile.all(in: directory)
    }

    /// Applies what is missing, in order.
    /// - Parameters:
    ///   - isDryRun: Only says what would be done.
    ///   - report: Called behind each file.
    /// - Returns: How many files were missing.
    /// - Throws: ``MigrationError``: `drifted` before anything is applied; `failed`;
    ///   `inDoubt`.
    @discardableResult
    package func up(
        isDryRun: Bool = false, report: @escaping @Sendable (Step) -> Void = { _ in }
    ) async throws -> Int {
        try await locked(isDryRun: isDryRun) { session in
            let missing = try verified(session).filter { !$0.isApplied }
            for status in missing {
                try run(status.file, status.file.up, isDryRun: isDryRun, session, report) { tx in
                    try Bookkeeping.remember(status.file, tx)
                }
            }
            // Files that dbmate applied are remembered as they are now.
            if !isDryRun {
                try session.transaction { tx in
                    for file in files { try Bookkeeping.rememberChecksum(of: file, tx) }
                }
            }
            return missing.count
        }
    }

    /// Reverts the migration that was applied last.
    /// - Throws: ``MigrationError``: `nothingToRevert`, `irreversible`, `unknownVersion`, `drifted`,
    ///   `failed`, `inDoubt`.
    package func down(
        isDryRun: Bool = false, report: @escaping @Sendable (Step) -> Void = { _ in }
    ) async throws {
        try await locked(isDryRun: isDryRun) { session in
            let statuses = try verified(session)
            try Bookkeeping.refuseUnknown(besides: files, session)
            guard let last = statuses.last(where: \.isApplied)?.file else {
                throw MigrationError.nothingToRevert
            }
            guard let down = last.down else { throw MigrationError.irreversible(file: last.name) }
            try run(last, down, isDryRun: isDryRun, session, report) { tx in
                try Bookkeeping.forget(last, tx)
            }
        }
    }

    /// Every file, whether it is applied, and whether it has changed since.
    package func status() async throws -> [Status] {
        try await database.withSession { session in try Bookkeeping.statuses(of: files, session) }
    }

    /// Checks that what is applied is what the files say.
    /// - Throws: ``MigrationError``: `drifted`, `unknownVersion`.
    package func verify() async throws {
        try await database.withSession { session in
            _ = try verified(session)
            try Bookkeeping.refuseUnknown(besides: files, session)
        }
    }
}

extension Migrator {
    /// Calls `body` while no other migrator is at work.
    private func locked<Result: Sendable>(
        isDryRun: Bool, _ body: @escaping @Sendable (Session) throws -> Result
    ) async throws -> Result {
        try await database.withSession { session in
            if !isDryRun {
                try takeTurn(session)
                try session.transaction { tx in
                    try Bookkeeping.createTables(tx)
                    try Bookkeeping.forgetReverted(tx)
                }
            }
            return try body(session)
        }
    }

    /// Waits until no other migrator is at work, at most until the session's deadline. The lock is
    /// the session's and ends with it.
    ///
    /// It asks again and again instead of waiting inside one statement: such a wait holds a snapshot,
    /// and the other run's `CREATE INDEX CONCURRENTLY` would wait for that, a deadlock.
    private func takeTurn(_ session: Session) throws {
        while try !session.transaction({ tx in
            try tx.one(
                Scalar<Bool>.self, "SELECT pg_try_advisory_lock(hashtext('holdfast migrations'))"
            ).value
        }) {
            usleep(50_000)
        }
    }

    /// Runs one part of a file together with its bookkeeping.
    private func run(
        _ file: MigrationFile, _ part: MigrationFile.Part, isDryRun: Bool, _ session: Session,
        _ report: (Step) -> Void, _ bookkeeping: (Transaction) throws -> Void
    ) throws {
        guard !isDryRun else { return report(Step(file: file, duration: nil)) }
        let start = ContinuousClock.now
        do {
            if part.isTransactional {
                try session.transaction { tx in
                    try tx.executeUncheckedScript(part.statements)
                    try bookkeeping(tx)
                }
            } else {
                try session.executeUncheckedScript(part.statements)
                try session.transaction(bookkeeping)
            }
        } catch let error as PostgresError where error.kind == .commitUnknown {
            throw MigrationError.inDoubt(file: file.name)
        } catch let error as PostgresError {
            throw MigrationError.failed(file: file.name, reason: "\(error)")
        }
        report(Step(file: file, duration: .now - start))
    }

    /// The files as they stand.
    /// - Throws: ``MigrationError/drifted(file:)``.
    private func verified(_ session: Session) throws -> [Status] {
        let statuses = try Bookkeeping.statuses(of: files, session)
        if let drifted = statuses.first(where: \.hasDrifted) {
            throw MigrationError.drifted(file: drifted.file.name)
        }
        return statuses
    }
}
