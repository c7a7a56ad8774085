extension [Mutant.Verdict] {
    /// What `docs/mutants.md` shows.
    package var page: String {
        var lines = [
            "# Without each defence", "",
            "Written by `make mutants`. Each line is the proof without one defence: the proxy that tests put in "
                + "front of PostgreSQL changes what the service says to it, or the database's owner drops a "
                + "constraint. The service is the one that is tested otherwise; it has no switch for this.",
            "",
            "The proof has to notice, by the scene that is named. Where a second defence does as well, nothing may "
                + "go wrong until that is gone, too.",
            "",
            "| Gone | Noticed by | As | Gone besides | Noticed by | As |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        for verdict in self {
            let second = verdict.mutant.second.map(\.name) ?? ""
            lines.append(
                "| \(verdict.mutant) | \(cells(verdict.alone)) | \(second) | \(cells(verdict.together)) |"
            )
        }
        let alive = count { !$0.isAsExpected }
        lines += ["", "\(count) mutants, \(alive) alive."]
        lines += [
            "", "## Every lock, version and constraint", "",
            "As the sources and the migrations have them; a test holds this list against both. What only says how "
                + "one row may look (`CHECK`) is no matter of order, and is not here.",
            "",
            "| Where | What | Shown by the mutant, or else |",
            "| --- | --- | --- |",
        ]
        lines += DefencePlace.all.map { place in
            let evidence =
                switch place.shownBy {
                case .mutant(let name): name
                case .otherwise(let words): "(\(words))"
                }
            return "| `\(place.file)` | `\(place.words)` | \(evidence) |"
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Who noticed, and by what: the first words are enough.
    private func cells(_ caught: Mutant.Catch?) -> String {
        guard let caught else { return "| " }
        let violation = caught.violation.prefix(90).replacing("|", with: "/")
        return "\(caught.examination) | \(violation)"
    }
}
