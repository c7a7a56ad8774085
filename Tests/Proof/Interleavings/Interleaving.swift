import PostgresTesting
import ServiceTesting

/// Requests that conflict, and all that those who send them may be told, whoever is first.
package struct Interleaving: Sendable {
    package let title: String
    /// Who acts, in the order of their acts.
    package let names: [String]
    /// What each is told: a problem's code, or else a status.
    package let allowed: Set<[String]>
    /// Runs that are wrong although what was told is allowed, of other runs.
    let forbids: @Sendable (RaceRun) -> Bool
    /// Makes the scene; its people and slots have nothing to do with those of other runs.
    let prepare: @Sendable (Fixture) async throws -> [Stage.Act]

    init(
        _ title: String, _ names: [String], allowed: Set<[String]>,
        forbids: @escaping @Sendable (RaceRun) -> Bool = { _ in false },
        prepare: @escaping @Sendable (Fixture) async throws -> [Stage.Act]
    ) {
        self.title = title
        self.names = names
        self.allowed = allowed
        self.forbids = forbids
        self.prepare = prepare
    }

    /// Every scene.
    package static let all =
        booking + holds + appointments + waitlist + calendar + timeOff + administration + locks
}

extension Interleaving: CustomStringConvertible {
    package var description: String { title }
}

extension RaceRun {
    /// Whether somebody waited for a lock.
    func waited(_ name: String) -> Bool { waits.contains { $0.name == name } }

    /// Whether somebody had not begun when somebody else had ended.
    func began(_ name: String, behind other: String) -> Bool {
        guard let first = steps.firstIndex(of: name), let others = steps.lastIndex(of: other)
        else { return false }
        return first > others
    }

    /// Whether somebody went on after somebody else had ended.
    func went(_ name: String, behind other: String) -> Bool {
        guard let last = steps.lastIndex(of: name), let others = steps.lastIndex(of: other)
        else { return false }
        return last > others
    }
}
