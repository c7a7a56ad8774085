import HTTPTypes

// The problems that the front finds itself, before a service is asked.

extension Problem {
    static let notFound = Problem(
        .notFound, "not_found", "No such resource",
        "There is nothing at this path. The paths are described in openapi.yaml.")

    static let malformedRequest = Problem(
        .badRequest, "bad_request", "Bad request", "The request is not well-formed HTTP.")

    static let bodyTooLarge = Problem(
        .contentTooLarge, "body_too_large", "The body is too large",
        "A request body may have 64 KiB at the most.")

    static let headersTooLarge = Problem(
        .requestHeaderFieldsTooLarge, "headers_too_large", "The header fields are too large",
        "A request may have 100 header fields and 16 KiB of them at the most.")

    static let requestTimeout = Problem(
        .requestTimeout, "request_timeout", "The request took too long to arrive",
        "Send the whole body within 15 seconds.")

    static let overloaded = Problem(
        .serviceUnavailable, "overloaded", "Overloaded",
        "Too many requests are waiting. Nothing was changed; try again.",
        headers: [.retryAfter: "1"])

    /// A load balancer sends its requests elsewhere; those that come are still served.
    static let draining = Problem(
        .serviceUnavailable, "not_ready", "Not ready", "The service is being stopped.",
        extras: [.missing([])], headers: [.retryAfter: "1"])

    static func notReady(missing: [String]) -> Problem {
        Problem(
            .serviceUnavailable, "not_ready", "Not ready",
            "The service waits for: \(missing.joined(separator: "; ")).",
            extras: [.missing(missing)], headers: [.retryAfter: "1"])
    }

    static let forbidden = Problem(
        .forbidden, "forbidden", "Forbidden", "Your role may not do this.")

    static let preconditionRequired = Problem(
        .preconditionRequired, "precondition_required", "If-Match is required",
        "Send If-Match with the ETag of the version that you have seen, one and in its quotes.")

    static let idempotencyKeyReused = Problem(
        .unprocessableContent, "idempotency_key_reused", "The key belongs to another request",
        "This Idempotency-Key was sent with another request. Make a new one for each request.")

    static let invalidIdempotencyKey = Problem(
        .badRequest, "invalid_idempotency_key", "Idempotency-Key is invalid",
        "Idempotency-Key must have 1 to 255 visible ASCII characters.",
        extras: [.member("Idempotency-Key")])

    static let lockRequired = Problem(
        .preconditionRequired, "lock_required", "A lock is required",
        "Acquire a lock on the patient with POST .../locks, and send its token in Lock-Token.")

    static func methodNotAllowed(_ allowed: [HTTPRequest.Method]) -> Problem {
        let list = allowed.map(\.rawValue).sorted().joined(separator: ", ")
        return Problem(
            .methodNotAllowed, "method_not_allowed", "Method not allowed",
            "This path takes \(list).", headers: [.allow: list])
    }

    static func unauthorized(_ detail: String) -> Problem {
        Problem(
            .unauthorized, "unauthorized", "Not authenticated", detail,
            headers: [.wwwAuthenticate: "Bearer realm=\"holdfast\""])
    }

    /// A token was sent, and is not good. Source of the parameter: RFC 6750, 3.1.
    static func invalidToken(_ detail: String) -> Problem {
        var problem = unauthorized(detail)
        problem.headers[.wwwAuthenticate] = "Bearer realm=\"holdfast\", error=\"invalid_token\""
        return problem
    }

    static func malformedBody(_ detail: String) -> Problem {
        Problem(.badRequest, "malformed_json", "Malformed JSON", detail)
    }

    static func unsupportedMediaType(knowing types: [String]) -> Problem {
        let types = types.joined(separator: ", ")
        return Problem(
            .unsupportedMediaType, "unsupported_media_type", "Not JSON",
            "Send the body as JSON. Content-Type may be: \(types).", headers: [.accept: types])
    }

    static func invalidMember(_ name: String, _ requirement: String) -> Problem {
        Problem(
            .unprocessableContent, "invalid_member", "A member is invalid",
            "'\(name)' \(requirement).", extras: [.member(name)])
    }

    static func missingMember(_ name: String, _ requirement: String) -> Problem {
        Problem(
            .unprocessableContent, "missing_member", "A member is missing",
            "'\(name)' is required and \(requirement).", extras: [.member(name)])
    }

    static func unknownMember(_ name: String, known: [String]) -> Problem {
        Problem(
            .unprocessableContent, "unknown_member", "A member is unknown",
            "There is no member '\(name)' here; known are \(known.joined(separator: ", ")).",
            extras: [.member(name)])
    }

    static func invalidParameter(_ name: String, _ requirement: String) -> Problem {
        Problem(
            .unprocessableContent, "invalid_parameter", "A query parameter is invalid",
            "'\(name)' \(requirement).", extras: [.member(name)])
    }
}
