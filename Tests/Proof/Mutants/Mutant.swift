import PostgresTesting

/// A defence that is taken away to see that the proof notices. A proof that cannot fail proves nothing.
///
/// The service is the one that is tested otherwise: what it says to the server is changed on the way, by the
/// proxy that only tests have, or the database is changed by its owner.
package struct Mutant: Sendable {
    /// What is taken away.
    package struct Defence: Sendable {
        package let name: String
        fileprivate let statements: [Tampering.Statement]
        fileprivate let tags: [String: String]
        fileprivate let dropsWarnings: Bool
        fileprivate let scripts: [String]

        init(
            _ name: String, _ statements: Tampering.Statement..., tags: [String: String] = [:],
            dropsWarnings: Bool = false, scripts: [String] = []
        ) {
            self.name = name
            self.statements = statements
            self.tags = tags
            self.dropsWarnings = dropsWarnings
            self.scripts = scripts
        }
    }

    package let defence: Defence
    /// What does without it, as the proof has to show: nothing goes wrong until that is gone, too.
    package let second: Defence?
    /// The examinations that are tried first, by their titles.
    let suspects: [String]

    /// The same among all.
    package var suspected: [Examination] {
        suspects.compactMap { suspect in Examination.all.first { $0.title == suspect } }
    }

    init(_ defence: Defence, second: Defence? = nil, by suspects: String...) {
        self.defence = defence
        self.second = second
        self.suspects = suspects
    }

    /// What came of it.
    package struct Verdict: Sendable {
        package let mutant: Mutant
        /// Who noticed that the first defence was gone; nil if nobody did.
        package let alone: Catch?
        /// Who noticed that both were gone.
        package let together: Catch?
        /// Whether it was taken away, and nothing besides broken.
        package let isReal: Bool

        /// Whether it was noticed; where there is a second defence, only once that was gone.
        package var isAsExpected: Bool {
            guard isReal else { return false }
            return mutant.second == nil ? alone != nil : alone == nil && together != nil
        }
    }

    /// Who noticed, and by what.
    package struct Catch: Sendable {
        package let examination: String
        package let violation: String
    }

    /// Runs the proof without the defence; where there is a second one, on the suspects only, and then without
    /// either.
    package func run(_ examinations: [Examination]) async throws -> Verdict {
        let suspected = suspects.compactMap { suspect in
            examinations.first { $0.title == suspect }
        }
        precondition(suspected.count == suspects.count, "\(suspects) are not all examinations")
        let first = Taken([defence])
        guard let second else {
            let others = examinations.filter { !suspects.contains($0.title) }
            let alone = await first.caught(by: suspected + others)
            return Verdict(mutant: self, alone: alone, together: nil, isReal: first.isReal)
        }
        let alone = await first.caught(by: suspected)
        let both = Taken([defence, second])
        let together = await both.caught(by: suspected)
        return Verdict(
            mutant: self, alone: alone, together: together, isReal: first.isReal && both.isReal)
    }

    /// Defences that are gone.
    private struct Taken {
        private let sabotage: Sabotage

        init(_ defences: [Defence]) {
            sabotage = Sabotage(
                tampering: defences.filter(\.isOnTheWay).map { defence in
                    Tampering(
                        defence.statements, tags: defence.tags,
                        dropsWarnings: defence.dropsWarnings)
                },
                statements: defences.flatMap(\.scripts))
        }

        /// A defence in the database is gone, or its owner would have been told.
        var isReal: Bool {
            sabotage.tampering.allSatisfy { $0.changes > 0 && $0.misunderstanding == nil }
        }

        func caught(by examinations: [Examination]) async -> Catch? {
            for examination in examinations {
                // What cannot be tried to the end has noticed nothing.
                guard let violation = try? await examination.violations(sabotage).first
                else { continue }
                return Catch(examination: examination.title, violation: violation)
            }
            return nil
        }
    }
}

extension Mutant.Defence {
    /// Whether it is in what is said to the server or by it.
    fileprivate var isOnTheWay: Bool { !statements.isEmpty || !tags.isEmpty || dropsWarnings }
}

extension Mutant: CustomStringConvertible {
    package var description: String { defence.name }
}
