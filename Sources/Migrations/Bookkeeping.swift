import Postgres

/// What is remembered of applied migrations, and where: dbmate's table and ours beside it.
enum Bookkeeping {
    static func createTables(_ tx: Transaction) throws {
        try tx.execute(
            """
            CREATE TABLE IF NOT EXISTS public.schema_migrations (
                version character varying PRIMARY KEY
            )
            """)
        try tx.execute(
            """
            CREATE TABLE IF NOT EXISTS public.schema_checksums (
                version character varying PRIMARY KEY,
                checksum bytea NOT NULL,
                recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
            )
            """)
    }

    static func remember(_ file: MigrationFile, _ tx: Transaction) throws {
        try tx.execute(
            "INSERT INTO public.schema_migrations (version) VALUES (\(file.version))")
        try rememberChecksum(of: file, tx)
    }

    /// Remembers what an applied file is, unless that is known.
    static func rememberChecksum(of file: MigrationFile, _ tx: Transaction) throws {
        try tx.execute(
            """
            INSERT INTO public.schema_checksums (version, checksum)
            SELECT version, sha256(convert_to(\(file.text), 'UTF8'))
            FROM public.schema_migrations
            WHERE version = \(file.version)
            ON CONFLICT DO NOTHING
            """)
    }

    /// Forgets what those files were that dbmate has reverted, which does not know of checksums.
    static func forgetReverted(_ tx: Transaction) throws {
        try tx.execute(
            """
            DELETE FROM public.schema_checksums
            WHERE version NOT IN (SELECT version FROM public.schema_migrations)
            """)
    }

    static func forget(_ file: MigrationFile, _ tx: Transaction) throws {
        try tx.execute("DELETE FROM public.schema_migrations WHERE version = \(file.version)")
        try tx.execute("DELETE FROM public.schema_checksums WHERE version = \(file.version)")
    }

    /// Whether each file is applied and has changed since.
    static func statuses(
        of files: [MigrationFile], _ session: Session
    ) throws -> [Migrator.Status] {
        let applied = Set(try appliedVersions(session))
        let drifted = Set(try driftedVersions(of: files, session))
        return files.map { file in
            Migrator.Status(
                file: file, isApplied: applied.contains(file.version),
                hasDrifted: drifted.contains(file.version))
        }
    }

    /// - Throws: ``MigrationError/unknownVersion(_:)`` for a version that is applied and in no file.
    static func refuseUnknown(besides files: [MigrationFile], _ session: Session) throws {
        let known = Set(files.map(\.version))
        if let unknown = try appliedVersions(session).first(where: { !known.contains($0) }) {
            throw MigrationError.unknownVersion(unknown)
        }
    }

    private static func appliedVersions(_ session: Session) throws -> [String] {
        try session.transaction { tx in
            guard try exists("public.schema_migrations", tx) else { return [] }
            return try tx.all(
                Scalar<String>.self,
                "SELECT version::text FROM public.schema_migrations ORDER BY version"
            ).map(\.value)
        }
    }

    private static func driftedVersions(
        of files: [MigrationFile], _ session: Session
    ) throws -> [String] {
        try session.transaction { tx in
            guard try exists("public.schema_checksums", tx) else { return [] }
            return try tx.all(
                Scalar<String>.self,
                """
                SELECT file.version
                FROM unnest(\(files.map(\.version)), \(files.map(\.text))) AS file (version, text)
                JOIN public.schema_migrations AS applied ON applied.version = file.version
                JOIN public.schema_checksums AS known ON known.version = file.version
                WHERE known.checksum <> sha256(convert_to(file.text, 'UTF8'))
                """
            ).map(\.value)
        }
    }

    private static func exists(_ table: String, _ tx: Transaction) throws -> Bool {
        try tx.one(Scalar<Bool>.self, "SELECT to_regclass(\(table)) IS NOT NULL").value
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
