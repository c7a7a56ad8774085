import Clinic
import FoundationEssentials
import HTTPFront
import ServiceTesting

extension WireRequest {
    static let calendar = [
        WireRequest(title: "POST /v1/clinics") { fixture in
            Sending(
                path: "/v1/clinics", token: try await fixture.service.token(.operator),
                body: #"{"name": "Hafen", "time_zone": "Asia/Tokyo"}"#)
        },
        WireRequest(title: "PATCH /v1/clinics/{clinic}") { fixture in
            let path = "/v1/clinics/\(fixture.clinic.id.text)"
            let etag = try await fixture.service.send("GET", path).headers["etag"]
            return Sending(
                path: path, token: fixture.admin, body: #"{"name": "Lindenhof"}"#,
                headers: ["If-Match": etag ?? ""])
        },
        WireRequest("POST practitioners", as: \.admin) { _ in
            ("practitioners", #"{"name": "Dr. Ada Abel", "specialty": "dermatology"}"#, [:])
        },
        WireRequest("PATCH practitioners/{practitioner}", as: \.admin) { fixture in
            let id = try await fixture.colleague().text
            return ("practitioners/\(id)", #"{"name": "Dr. Ada Abel"}"#, ifFirst)
        },
        WireRequest("POST slots", as: \.admin) { fixture in
            let id = try await fixture.colleague().text
            return (
                "slots",
                """
                {"practitioner_id": "\(id)", "starts_at": "2100-01-01T09:00:00Z",
                "ends_at": "2100-01-01T10:00:00Z"}
                """, [:]
            )
        },
        WireRequest("PATCH slots/{slot}", as: \.admin) { fixture in
            let id = try await fixture.ownSlots(1)[0].id.text
            return ("slots/\(id)", #"{"capacity": 2}"#, ifFirst)
        },
        WireRequest("DELETE slots/{slot}", as: \.admin) { fixture in
            let id = try await fixture.ownSlots(1)[0].id.text
            return ("slots/\(id)", nil, ifFirst)
        },
        WireRequest("POST availability", as: \.admin) { fixture in
            let id = try await fixture.colleague().text
            return (
                "availability",
                """
                {"practitioner_id": "\(id)", "from": "2100-01-05", "to": "2100-01-05",
                "weekdays": ["tue"], "start": "09:00", "end": "10:00", "slot_minutes": 30}
                """, [:]
            )
        },
        WireRequest("POST time-off", as: \.admin) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            return (
                "time-off",
                """
                {"practitioner_id": "\(slot.practitionerID.text)",
                "starts_at": "\(slot.startsAt.formatted(.iso8601))",
                "ends_at": "\(slot.endsAt.formatted(.iso8601))"}
                """, [:]
            )
        },
        WireRequest("DELETE time-off/{time-off}", as: \.admin) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            let id = try await fixture.timeOff(
                slot.startsAt, slot.endsAt, of: slot.practitionerID
            ).id
            return ("time-off/\(id)", nil, [:])
        },
    ]

    /// Of what nobody has changed.
    static let ifFirst = ["If-Match": "\"1\""]
}
