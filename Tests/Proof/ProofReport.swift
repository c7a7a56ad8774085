import Foundation

/// What came of the whole proof.
package struct ProofReport: Sendable {
    private var orders = 0
    private var operations = 0
    private var cuts = 0
    private var faults = 0
    private var problems: [String] = []
    private var played: [PlayedInterleaving] = []
    /// All of it, to be read.
    package private(set) var text = "# The proof\n"

    package init() {}

    /// What `docs/interleavings.md` shows.
    package var schedules: String {
        """
        # Conflicting requests, in every order

        Written by `prove schedules` (see [reliability.md](reliability.md#every-order)); not to be edited.

        \(played.table)
        """
    }

    /// Whether nothing was wrong, and enough happened to say so.
    package var isGood: Bool { problems.isEmpty }

    /// What a reader in a hurry wants to know.
    package var line: String {
        """
        proved: \(orders) schedules, \(cuts) cut connections, \(operations) operations, \
        \(faults) faults, \(problems.count) violations
        """
    }

    /// Plays every scene in every order.
    package mutating func play(progress: (String) -> Void) async throws {
        for scene in Interleaving.all {
            let result = try await scene.play()
            progress("\(scene.title): \(result.orders) orders")
            orders += result.orders
            problems += result.violations.map { "\(scene.title): \($0)" }
            problems += result.missing.sorted { $0.joined() < $1.joined() }
                .map { "\(scene.title): \($0) never came" }
            played.append(result)
        }
        text += "\n" + played.table
    }

    /// Cuts every connection everywhere.
    package mutating func cut(progress: (String) -> Void) async throws {
        text += """

            ## Connections that break off

            | Request | Cut at | Answered |
            | --- | --- | --- |

            """
        for request in WireRequest.all {
            let result = try await request.cutEverywhere()
            progress("\(request): cut at \(result.cuts) places")
            cuts += result.cuts
            problems += result.violations.map { "\(request): \($0)" }
            let told = result.told.sorted { $0.value > $1.value }.map { "\($0.key) (\($0.value))" }
            text += "| \(request) | \(result.cuts) | \(told.joined(separator: ", ")) |\n"
        }
    }

    /// Has faults strike while clients work.
    package mutating func strike(
        _ run: FaultRun, in folder: URL, progress: @escaping @Sendable (String) -> Void
    ) async throws {
        let report = try await run.run(in: folder, progress: progress)
        operations += report.asked
        faults += report.faults
        problems += report.violations + report.weaknesses
        text += "\n" + report.text
    }
}
