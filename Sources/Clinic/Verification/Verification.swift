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
        package let clinics: Int
        package let rules: Int
        package let breaches: [Breach]
    }

    /// Runs every check on every clinic, each clinic in one snapshot. Reads everything there is: give
    /// it a database with time.
    /// - Throws: ``Unavailable``.
    package func run() async throws -> Report {
        let calendar = CalendarService(store: store)
        var breaches: [Breach] = []
        var clinics = 0
        var page = PageRequest(limit: 200)
        while true {
            let part = try await calendar.clinics(page)
            for clinic in part.items { breaches += try await self.breaches(in: clinic.id) }
            clinics += part.items.count
            guard let next = part.next else { break }
            page = PageRequest(limit: 200, after: next)
        }
        return Report(clinics: clinics, rules: Invariant.all.count, breaches: breaches)
    }

    private func breaches(in clinicID: UUID) async throws -> [Breach] {
        try await store.read(isolation: .repeatableRead) { tx in
            let found = Invariant.all.map { invariant in
                tx.pipeline.all(Scalar<String>.self, invariant.breaches(clinicID)).map { rows in
                    rows.map { row in
                        Breach(
                            number: invariant.number, rule: invariant.rule, clinicID: clinicID,
                            row: row.value)
                    }
                }
            }
            return Pending { try found.flatMap { try $0.get() } }
        }
    }
}
