extension [Mutant.Verdict] {
    /// What `docs/mutants.md` shows.
    package static func page(of verdicts: [Mutant.Verdict]) -> String {
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
        for verdict in verdicts {
            let second = verdict.mutant.second.map(\.name) ?? ""
            lines.append(
                "| \(verdict.mutant) | \(cells(verdict.alone)) | \(second) | \(cells(verdict.together)) |"
            )
        }
        let alive = verdicts.count { !$0.isAsExpected }
        lines += ["", "\(verdicts.count) mutants, \(alive) alive."]
        return lines.joined(separator: "\n") + "\n"
    }

    /// Who noticed, and by what: the first words are enough.
    private static func cells(_ caught: Mutant.Catch?) -> String {
        guard let caught else { return "| " }
        let violation = caught.violation.prefix(90).replacing("|", with: "/")
        return "\(caught.examination) | \(violation)"
    }
}
