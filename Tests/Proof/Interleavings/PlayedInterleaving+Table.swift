extension [PlayedInterleaving] {
    /// What `docs/interleavings.md` shows: scenes, orders, and what came of them.
    package var table: String {
        let orders = reduce(0) { $0 + $1.orders }
        var lines = [
            "## Every order", "",
            "\(count) scenes, \(orders) orders. Each line of a scene is what its people were told, in "
                + "the order of their names, and in how many orders.",
            "",
            "| Scene | Who | Orders | Somebody waited for a lock in | Told |",
            "| --- | --- | --- | --- | --- |",
        ]
        for scene in self {
            let told = scene.outcomes.sorted { $0.key.joined() < $1.key.joined() }
                .map { "\($0.key.joined(separator: ", ")) (\($0.value))" }
            lines.append(
                "| \(scene.scene.title) | \(scene.scene.names.joined(separator: ", ")) | \(scene.orders) "
                    + "| \(scene.waited) | \(told.joined(separator: "<br>")) |")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
