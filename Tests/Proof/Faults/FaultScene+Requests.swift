import Foundation
import HTTPFront

/// What is sent for an errand.
struct RequestOutline: Sendable {
    let method: String
    let path: String
    var headers: [String: String]
    var body: String?
}

extension Errand {
    /// Whether it may go with an `Idempotency-Key`.
    var takesKey: Bool {
        switch self {
        case .read, .block: false
        default: true
        }
    }
}

extension Attempt.Told {
    /// Refusals that pass, and change nothing.
    static let passing: Set<String> = ["overloaded", "lock_timeout", "database_unreachable"]

    var passes: Bool {
        if case .refused(let code, _) = self { Self.passing.contains(code) } else { false }
    }
}

extension FaultScene {
    /// - Parameter number: Becomes the request's id, by which the journal's rows are found.
    func request(for errand: Errand, number: Int, isKeyed: Bool) -> RequestOutline {
        var (method, path, token, body, version) = parts(of: errand, number)
        path = "/v1/clinics/\(clinic.text)/\(path)"
        var headers = ["X-Request-Id": "fault-\(number)"]
        headers["Authorization"] = token.map { "Bearer \($0)" }
        headers["If-Match"] = version.map { "\"\($0)\"" }
        if isKeyed { headers["Idempotency-Key"] = "fault-\(number)" }
        if method == "POST" && body == nil { body = "{}" }
        return RequestOutline(method: method, path: path, headers: headers, body: body)
    }

    private func parts(
        of errand: Errand, _ number: Int
    ) -> (method: String, path: String, token: String?, body: String?, version: Int?) {
        func id(_ slot: Int) -> String { slots[slot].id.text }
        switch errand {
        case .book(let slot, let patient):
            let body = #"{"slot_id": "\#(id(slot))", "patient_id": "\#(patients[patient].text)"}"#
            return ("POST", "appointments", desk, body, nil)
        case .cancel(let appointment, _):
            return ("POST", "appointments/\(appointment.text)/cancel", desk, nil, nil)
        case .move(let appointment, let slot):
            return (
                "POST", "appointments/\(appointment.text)/reschedule", desk,
                #"{"slot_id": "\#(id(slot))"}"#, nil
            )
        case .hold(let slot, let patient):
            let body = #"{"patient_id": "\#(patients[patient].text)", "ttl_seconds": 5}"#
            return ("POST", "slots/\(id(slot))/hold", desk, body, nil)
        case .release(let slot): return ("DELETE", "slots/\(id(slot))/hold", desk, nil, nil)
        case .read(let slot): return ("GET", "slots/\(id(slot))", nil, nil, nil)
        case .block(let slot, let isBlocked, let version):
            let status = isBlocked ? "busy-unavailable" : "free"
            return ("PATCH", "slots/\(id(slot))", admins[0], #"{"status": "\#(status)"}"#, version)
        case .delete(let slot, let version):
            return ("DELETE", "slots/\(id(slot))", admins[0], nil, version)
        case .join(let slot, let patient):
            let place = slots[slot]
            return (
                "POST", "waitlist", desk,
                """
                {"patient_id": "\(patients[patient].text)",
                "practitioner_id": "\(place.practitioner.text)",
                "from": "\(place.startsAt.formatted(.iso8601))",
                "to": "\(place.endsAt.formatted(.iso8601))"}
                """, nil
            )
        case .register:
            return (
                "POST", "registrations", nil,
                """
                {"name": "Åsa", "email": "r\(number)@example.org", "birth_date": "1968-02-29"}
                """, nil
            )
        case .decide(let registration, let isApproved):
            return (
                "POST", "registrations/\(registration)/\(isApproved ? "approve" : "reject")",
                admins[isApproved ? 0 : 1], isApproved ? nil : #"{"reason": "no such street"}"#, 1
            )
        }
    }
}
