import Clinic
import FoundationEssentials
import HTTPFront
import ServiceTesting

extension WireRequest {
    static let administration = [
        WireRequest(title: "POST registrations") { fixture in
            Sending(
                path: fixture.path("registrations"), token: nil,
                body: """
                    {"name": "Åsa", "email": "\(UUID().text)@example.org",
                    "birth_date": "1968-02-29"}
                    """)
        },
        registration("POST registrations/{registration}/claim"),
        registration("POST registrations/{registration}/approve"),
        registration(
            "POST registrations/{registration}/reject", #"{"reason": "no such street"}"#),
        registration("PATCH registrations/{registration}", #"{"comments": "asked"}"#),
        WireRequest("PATCH registrations/{registration}, column by column", as: \.admin) {
            fixture in
            let id = try await fixture.registration().id.text
            return (
                "registrations/\(id)",
                """
                [{"op": "test", "path": "/comments", "value": null},
                {"op": "add", "path": "/comments", "value": "asked"}]
                """,
                ["Content-Type": "application/json-patch+json"]
            )
        },
        WireRequest("POST registrations/{registration}/release", as: \.admin) { fixture in
            let id = try await fixture.registration().id.text
            _ = try await fixture.send(
                "POST", "registrations/\(id)/claim", as: fixture.admin, version: "1")
            return ("registrations/\(id)/release", nil, ["If-Match": "\"2\""])
        },
    ]

    /// A request about a registration that nobody has seen.
    private static func registration(_ title: String, _ body: String? = nil) -> WireRequest {
        let action = title.split(separator: "}").last.map(String.init) ?? ""
        return WireRequest(title, as: \.admin) { fixture in
            let id = try await fixture.registration().id.text
            return ("registrations/\(id)\(action.hasPrefix("/") ? action : "")", body, ifFirst)
        }
    }
}
