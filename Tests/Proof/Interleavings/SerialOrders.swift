import PostgresTesting

/// What everybody was told when they came one after the other, in each order; and whether that explains what
/// they were told when they did not.
///
/// Whoever had ended before somebody else did anything has to be first in the order that explains.
struct SerialOrders {
    private let names: [String]
    private var told: [[Int]: [String]] = [:]

    init(of runs: [RaceRun], names: [String]) {
        self.names = names
        for run in runs {
            if let order = order(of: run) { told[order] = run.told }
        }
    }

    /// What no order explains.
    func violations(in runs: [RaceRun]) -> [String] {
        runs.filter { run in
            !told.contains { order, told in told == run.told && isPossible(order, in: run) }
        }.map { run in
            "\(run.steps.joined(separator: " ")): told \(run.told), as in no order of one after the other"
        }
    }

    /// The order in which they came, if nobody came between somebody else's steps.
    private func order(of run: RaceRun) -> [Int]? {
        let order = names.indices.sorted { first, second in
            run.ended(names[first], before: names[second])
        }
        let isSerial = zip(order, order.dropFirst()).allSatisfy { first, second in
            run.ended(names[first], before: names[second])
        }
        return isSerial ? order : nil
    }

    private func isPossible(_ order: [Int], in run: RaceRun) -> Bool {
        order.indices.allSatisfy { place in
            order[..<place].allSatisfy { earlier in
                !run.ended(names[order[place]], before: names[earlier])
            }
        }
    }
}

extension RaceRun {
    /// Whether somebody had ended before somebody else began. Who waited for a lock ended nobody knows when.
    fileprivate func ended(_ name: String, before other: String) -> Bool {
        !waited(name) && began(other, behind: name)
    }
}
