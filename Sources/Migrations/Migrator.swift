import Postgres

/// Applies migration files and remembers them in dbmate's own table, so that either tool may be
/// used on the same database.
package struct Migrator: Sendable {
    /// A file and whether its version is in `schema_migrations`.
    package struct Status: Sendable {
        package let file: MigrationFile
        package let isApplied: Bool
    }

    /// The files, in the order in which they apply.
    package let files: [MigrationFile]
    private let database: Database

    /// Migrates `database`, whose login role must own the schema, by the files of `directory`.
    package init(database: Database, directory: String) throws {
        self.database = database
        files = try MigrationFile.all(in: directory)
    }

    /// Applies what is missing, each file in one transaction with its bookkeeping.
    ///
    /// Two migrators at once apply each file once: the second waits for the first one's file and
    /// then finds it applied.
    /// - Parameter report: Called behind each file that was applied here.
    /// - Throws: ``MigrationError/failed(file:reason:)``, with nothing of that file in effect.
    package func up(report: @Sendable (MigrationFile, Duration) -> Void = { _, _ in }) async throws
    {
        for file in try await status().filter({ !$0.isApplied }).map(\.file) {
            let start = ContinuousClock.now
            do {
                guard try await apply(file) else { continue }
            } catch let error as PostgresError {
                throw MigrationError.failed(file: file.name, reason: "\(error)")
            }
            report(file, .now - start)
        }
    }

    /// Every file and whether it is applied.
    package func status() async throws -> [Status] {
        let applied = try await Set(appliedVersions(in: database))
        return files.map { Status(file: $0, isApplied: applied.contains($0.version)) }
    }

    /// - Returns: False if somebody else applied it first.
    private func apply(_ file: MigrationFile) async throws -> Bool {
        try await database.transaction { tx in
            try tx.execute("SELECT pg_advisory_xact_lock(hashtext('holdfast migrations'))")
            try tx.execute(
                """
                CREATE TABLE IF NOT EXISTS public.schema_migrations (
                    version character varying PRIMARY KEY
                )
                """)
            let isNew = try tx.execute(
                """
                INSERT INTO public.schema_migrations (version) VALUES (\(file.version))
                ON CONFLICT DO NOTHING
                """)
            guard isNew == 1 else { return false }
            try tx.executeUncheckedScript(file.up)
            return true
        }
    }
}

/// The versions that `schema_migrations` lists; none if there is no such table.
///
/// Needs no more than `SELECT` on that table, so the service may ask as well as the owner.
package func appliedVersions(in database: Database) async throws -> [String] {
    do {
        return try await database.read { tx in
            tx.pipeline.all(
                Scalar<String>.self, "SELECT version::text FROM public.schema_migrations")
        }.map(\.value)
    } catch let error as PostgresError where error.sqlState == .undefinedTable {
        return []
    }
}
