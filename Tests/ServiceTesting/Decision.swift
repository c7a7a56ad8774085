/// What an administrator does about a registration.
package struct Decision: Sendable {
    package let subject: String
    private let action: String

    /// - Parameter action: `approve`, `reject`, `claim` or `release`.
    package init(by subject: String, _ action: String) {
        self.subject = subject
        self.action = action
    }

    /// - Returns: The version that there is.
    package func read(_ id: String, in fixture: Fixture) async throws -> Int? {
        try await fixture.send(
            "GET", "registrations/\(id)", as: try await fixture.admin(subject)
        ).json["version"]?.integer
    }

    /// Makes it, of what has that version.
    package func make(on id: String, _ version: Int, in fixture: Fixture) async throws -> Answer {
        try await fixture.send(
            "POST", "registrations/\(id)/\(action)", as: try await fixture.admin(subject),
            action == "reject" ? #"{"reason": "no such street"}"# : nil, version: "\(version)")
    }
}
