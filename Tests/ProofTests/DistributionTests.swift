import Clinic
import Foundation
import HTTPFront
import Postgres
import PostgresTesting
import Proof
import ServiceTesting
import Testing

/// What a distribution by clinic over several servers asks for: everything that is one clinic's is found by that
/// clinic, and no transaction is two clinics'.
@Suite("Everything is one clinic's", .timeLimit(.minutes(30)))
struct DistributionTests {
    /// Statements that look at all clinics, by what they contain: reads, and what they find is done clinic by
    /// clinic. `verify` does so in one snapshot.
    private static let acrossClinics = ["FROM clinics WHERE EXISTS", "SELECT id FROM clinics"]

    @Test("every key, exclusion and reference has the clinic in it")
    func schema() async throws {
        let wrong = try await withTestDatabase { database in
            try await database.owner.read { tx in
                tx.pipeline.all(
                    Scalar<String>.self,
                    """
                    WITH owned AS (
                        SELECT pg_class.oid, relname
                        FROM pg_class
                        WHERE relkind = 'r'
                            AND relnamespace = 'public'::regnamespace
                            AND relname NOT IN ('schema_migrations', 'schema_checksums')
                    ),
                    clinic AS (
                        SELECT owned.oid, attnum
                        FROM owned
                        JOIN pg_attribute ON attrelid = owned.oid
                        WHERE attname = CASE relname WHEN 'clinics' THEN 'id' ELSE 'clinic_id' END
                            AND attnotnull
                    )
                    SELECT relname || ' has no clinic'
                    FROM owned
                    WHERE oid NOT IN (SELECT oid FROM clinic)
                    UNION ALL
                    SELECT indexrelid::regclass || ' is unique without the clinic'
                    FROM pg_index
                    JOIN clinic ON oid = indrelid
                    WHERE (indisunique OR indisexclusion)
                        AND NOT attnum = ANY(indkey::smallint[])
                    UNION ALL
                    SELECT conname || ' refers past the clinic'
                    FROM pg_constraint
                    JOIN clinic ON clinic.oid = conrelid
                    JOIN clinic AS other ON other.oid = confrelid
                    WHERE contype = 'f'
                        AND array_position(conkey, clinic.attnum)
                            IS DISTINCT FROM array_position(confkey, other.attnum)
                    """)
            }.map(\.value)
        }
        #expect(wrong == [])
    }

    @Test(
        "every statement names one clinic, those of a transaction the same, and Citus would take each"
    )
    func statements() async throws {
        let options = [
            "fsync=off", "session_preload_libraries=auto_explain",
            "auto_explain.log_min_duration=0", "auto_explain.log_format=json",
            "auto_explain.log_verbose=on", "debug_print_rewritten=on", "debug_pretty_print=off",
            "log_min_error_statement=log", "log_line_prefix=%a|%v|",
        ]
        let (plans, queries, rules, columns) = try await withPrivateServer(options) { server in
            try await Survey(application: "surveyed").run(on: server.database)
            return (
                try PlanLog(of: server, application: "surveyed").entries,
                try QueryLog(of: server, application: "surveyed").entries,
                try await CitusRules(of: server.database.owner),
                try await Self.clinicColumns(in: server.database.owner)
            )
        }
        #expect(plans.count > 1000)
        #expect(queries.count > 100)
        let tables: Set<String> = Set(plans.flatMap { $0.scans.map(\.table) })
        #expect(tables.isSuperset(of: ["slots", "appointments", "waitlist", "outbox", "markers"]))

        expectOneClinic(in: plans)
        for plan in plans {
            for insert in plan.inserts {
                let place = try #require(columns[insert.table])
                #expect(insert.clinic(at: place) != nil, "\(insert): \(plan.statement)")
            }
        }
        for transaction in Dictionary(grouping: plans, by: \.transaction).values {
            let isAcross =
                transaction.contains(where: Self.looksAtAll)
                && transaction.allSatisfy(\.inserts.isEmpty)
            let clinics = transaction.flatMap { plan in
                plan.scans.compactMap(\.clinic)
                    + plan.inserts.compactMap { insert in
                        columns[insert.table].flatMap(insert.clinic)
                    }
                // The key under which a clinic is made is no clinic's.
            }.filter { $0.count == 36 && $0 != UUID.noClinic.text }
            #expect(
                isAcross || Set(clinics).count <= 1,
                "\(Set(clinics)): \(transaction.map(\.statement))")
        }
        for statement in try Survey.writingStatements() {
            #expect(
                queries.contains { $0.statement.contains(statement) }, "never sent: \(statement)")
        }
        for query in queries {
            #expect(rules.objections(to: query.tree) == [], "\(query.statement)")
        }
    }

    /// That each table is looked at for one clinic, but for the statements that are known to look at all.
    private func expectOneClinic(in plans: [PlanLog.Entry]) {
        let loose = plans.filter { plan in plan.scans.contains { !$0.isOneClinics } }
        for plan in loose {
            let isKnown = Self.looksAtAll(plan)
            #expect(isKnown, "\(plan.scans.filter { !$0.isOneClinics }) \(plan.statement)")
        }
        for mark in Self.acrossClinics {
            #expect(
                loose.contains { $0.statement.contains(mark) }, "no statement says \(mark) any more"
            )
        }
    }

    /// Whether it is one of those that are known to, and a question.
    private static func looksAtAll(_ plan: PlanLog.Entry) -> Bool {
        acrossClinics.contains { plan.statement.contains($0) }
            && (plan.statement.hasPrefix("SELECT") || plan.statement.hasPrefix("WITH"))
    }

    /// Where each table has its clinic, from 0.
    private static func clinicColumns(in database: Database) async throws -> [String: Int] {
        let columns = try await database.read { tx in
            tx.pipeline.all(
                ClinicColumn.self,
                """
                SELECT relname::text, attnum - 1
                FROM pg_attribute
                JOIN pg_class ON pg_class.oid = attrelid
                WHERE relkind = 'r'
                    AND relnamespace = 'public'::regnamespace
                    AND attname = CASE relname WHEN 'clinics' THEN 'id' ELSE 'clinic_id' END
                """)
        }
        return Dictionary(uniqueKeysWithValues: columns.map { ($0.table, $0.place) })
    }

    @Test("deploy/citus.sql distributes every table that has a clinic")
    func citus() async throws {
        let tables = try await withTestDatabase { database in
            try await database.owner.read { tx in
                tx.pipeline.all(
                    Scalar<String>.self,
                    """
                    SELECT table_name::text
                    FROM information_schema.columns
                    WHERE table_schema = 'public' AND column_name = 'clinic_id'
                    UNION
                    SELECT 'clinics'
                    """)
            }.map(\.value)
        }
        let script = try String(
            contentsOfFile: TestServer.project("deploy/citus.sql"), encoding: .utf8)
        for table in tables { #expect(script.contains("'public.\(table)'"), "\(table)") }
    }
}

private struct ClinicColumn: RowDecodable {
    let table: String
    let place: Int

    init(row: inout Row) throws {
        table = try row.next()
        place = try row.next()
    }
}

extension PlanLog.Insert {
    /// Whose rows they are, or what says so: a parameter, or another table's clinic; nil if nothing does.
    /// - Parameter place: Of the clinic among the table's columns. Statements that select name it first.
    fileprivate func clinic(at place: Int) -> String? {
        guard let value = selected.first ?? (values.indices.contains(place) ? values[place] : nil)
        else { return nil }
        if let literal = value.wholeMatch(of: /\(?'([0-9a-f-]{36})'::uuid\)?/) {
            return String(literal.output.1)
        }
        return value.wholeMatch(of: /\(?\$[0-9]+\)?|[a-z_]+\.clinic_id/) == nil ? nil : value
    }
}
