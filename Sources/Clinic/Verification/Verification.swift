import FoundationEssentials
import Postgres

/// Checks the data of every clinic against what must always be true of it.
package struct Verification: Sendable {
    private let store: Store

    package init(store: Store) { self.store = store }

    /// A row that breaks a rule.
    package struct Breach: Hashable, Sendable {
        package let number: Int
        package let rule: String
        package let clinicID: UUID
        /// Which row, by its ids.
        package let row: String
    }

    /// What was checked and what was found.
    package struct Report: Hashable, Sendable {
        package fileprivate(set) var clinics = 0
        package let rules = Invariant.all.count
        package fileprivate(set) var breaches: [Breach] = []
    }

    /// Runs every check on every clinic, all in one snapshot, which nobody waits for. Reads everything there
    /// is: give it a database with time.
    /// - Throws: ``Unavailable``.
    package func run() async throws -> Report {
        try await store.read(isolation: .repeatableRead) { tx in
            var report = Report()
            var last = UUID.least
            while true {
                let clinics = try tx.all(
                    Scalar<UUID>.self,
                    "SELECT id FROM clinics WHERE id > \(last) ORDER BY id LIMIT 200")
                for clinic in clinics { report.breaches += try tx.breaches(in: clinic.value) }
                report.clinics += clinics.count
                guard let end = clinics.last else { break }
                last = end.value
            }
            return Pending { [report] in report }
        }
    }
}

extension Transaction {
    /// What breaks a rule in one clinic.
    fileprivate func breaches(in clinicID: UUID) throws -> [Verification.Breach] {
        let found = Invariant.all.map { invariant in
            pipeline.all(Scalar<String>.self, invariant.breaches(clinicID)).map { rows in
                rows.map { row in
                    Verification.Breach(
                        number: invariant.number, rule: invariant.rule, clinicID: clinicID,
                        row: row.value)
                }
            }
        }
        return try found.flatMap { try $0.get() }
    }
}
