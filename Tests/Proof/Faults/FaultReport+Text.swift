import Foundation
import Postgres

extension FaultReport {
    /// All of it, to be read.
    package var text: String {
        let problems = (weaknesses + violations.prefix(100)).map { "- \($0)" }
        return (figures + [""] + faultTable + [""] + errandTable + [""] + problems)
            .joined(separator: "\n") + "\n"
    }

    private var figures: [String] {
        let again = attempts.reduce(0) { $0 + $1.tries - 1 }
        let slowest = strikes.map(\.recovery).max() ?? .zero
        return [
            "## Faults while clients work", "",
            "Seed \(run.seed), \(run.duration.components.seconds) s, \(run.clients) clients, two instances.",
            "",
            "| | |", "| --- | --- |",
            "| attempts | \(asked) |",
            "| acknowledged | \(acknowledged) |",
            "| met others at their slot | \(contended * 100 / max(1, asked)) in 100 |",
            "| most at one slot at once | \(mostAtOnce) |",
            "| outcome told to nobody; had taken effect, by the journal | \(settled.all); \(settled.done) |",
            "| sent again under a key; given the first answer | \(again); \(replayed) |",
            "| commits in doubt, settled by the service | \(commitsInDoubt) |",
            "| messages that arrived; arrived again | \(mails.arrived); \(mails.again) |",
            "| faults; kinds | \(faults); \(kinds) |",
            "| serving again behind a fault's end, at the latest | \(slowest.milliseconds) ms |",
            "| violations | \(violations.count) |",
        ]
    }

    private var faultTable: [String] {
        let kinds = Dictionary(grouping: strikes, by: \.fault)
        return [
            "| Fault | How often | Requests under way | Serving again, at the latest |",
            "| --- | --- | --- | --- |",
        ]
            + Fault.allCases.map { kind in
                let strikes = kinds[kind] ?? []
                guard let least = strikes.map(\.underWay).min(),
                    let most = strikes.map(\.underWay).max(),
                    let slowest = strikes.map(\.recovery).max()
                else { return "| \(kind.rawValue) | not here | | |" }
                return "| \(kind.rawValue) | \(strikes.count) | \(least) to \(most) "
                    + "| \(slowest.milliseconds) ms |"
            }
    }

    private var errandTable: [String] {
        let errands = Dictionary(grouping: attempts, by: \.errand.name)
            .sorted { $0.key < $1.key }
        return ["| Errand | Asked | What was told |", "| --- | --- | --- |"]
            + errands.map { name, attempts in
                let told = Dictionary(grouping: attempts, by: \.told.word).mapValues(\.count)
                    .sorted { $0.value > $1.value }.map { "\($0.key) \($0.value)" }
                return "| \(name) | \(attempts.count) | \(told.joined(separator: ", ")) |"
            }
    }
}

extension Attempt.Told {
    fileprivate var word: String {
        switch self {
        case .nothing: "nothing"
        case .done: "done"
        case .refused(let code, _): code
        }
    }
}
