import Clinic
import FoundationEssentials
import HTTPFront
import ServiceTesting

extension Interleaving {
    /// Who decides about a registration, and who has it.
    static let administration = [
        decisions(
            "claim", "claim", allowed: [["200", "version_conflict"], ["version_conflict", "200"]]),
        decisions(
            "approve", "reject",
            allowed: [["200", "version_conflict"], ["version_conflict", "200"]]
        ),
        decisions(
            "approve", "approve",
            allowed: [["200", "version_conflict"], ["version_conflict", "200"]]
        ),
        decisions(
            "release", "claim", isClaimed: true,
            allowed: [["200", "version_conflict"], ["200", "already_claimed"]]),
        decisions(
            "approve", "release", isClaimed: true,
            allowed: [["version_conflict", "200"], ["already_claimed", "200"]]),
        Interleaving(
            "write a comment where there is none, likewise", ["ada", "ben"],
            allowed: [["200", "version_conflict"], ["version_conflict", "200"]]
        ) { fixture in
            let id = try await fixture.registration().id.text
            return ["ada", "ben"].map { name in
                {
                    try await $0.service.send(
                        "PATCH", $0.path("registrations/\(id)"), token: $0.admin(name),
                        body: """
                            [{"op": "test", "path": "/comments", "value": null},
                            {"op": "add", "path": "/comments", "value": "\(name) has it"}]
                            """,
                        headers: ["Content-Type": "application/json-patch+json"]
                    ).told
                }
            }
        },
        Interleaving(
            "register, register with one address", ["one", "other"],
            allowed: [["201", "already_registered"], ["already_registered", "201"]]
        ) { _ in
            let email = "\(UUID().text)@example.org"
            return [
                { try await $0.register(email).told }, { try await $0.register(email).told },
            ]
        },
        Interleaving(
            "approve, admit with one address", ["ada", "desk"],
            allowed: [["200", "201"], ["200", "patient_exists"]]
        ) { fixture in
            let email = "\(UUID().text)@example.org"
            let id = try await fixture.registration(email).id.text
            return [
                { try await Decision(by: "ada", "approve").make(on: id, 1, in: $0).told },
                { try await $0.admit(email).told },
            ]
        },
    ]

    /// Two who act on one registration, which ada has claimed already or nobody.
    private static func decisions(
        _ first: String, _ second: String, isClaimed: Bool = false, allowed: Set<[String]>
    ) -> Interleaving {
        Interleaving("\(first), \(second)", ["ada", "ben"], allowed: allowed) { fixture in
            let id = try await fixture.registration().id.text
            let holder = first == "release" ? "ada" : "ben"
            if isClaimed {
                _ = try await Decision(by: holder, "claim").make(on: id, 1, in: fixture)
            }
            return zip(["ada", "ben"], [first, second]).map { name, action in
                {
                    try await Decision(by: name, action).make(on: id, isClaimed ? 2 : 1, in: $0)
                        .told
                }
            }
        }
    }
}
