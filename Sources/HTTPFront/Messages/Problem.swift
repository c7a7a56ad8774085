import Clinic
import HTTPTypes
import Hummingbird
import NIOCore

/// An error as clients see it. Source: RFC 9457, problem details.
struct Problem: Error, Sendable {
    let status: HTTPResponse.Status
    /// The machine's word; also the last part of `type`.
    let code: String
    /// The same for every problem of this code.
    let title: String
    /// What the caller can do about this one.
    let detail: String
    /// Members that only some problems have.
    var extras: [Extra] = []
    var headers: HTTPFields = [:]

    /// A member that only some problems have.
    enum Extra: Sendable {
        /// Which member, parameter or header of the request is meant.
        case member(String)
        /// Slots to choose from instead.
        case alternatives([Slot])
        /// What the service waits for.
        case missing([String])
        /// What an object has become, and by whom, since the version that the caller knows.
        case conflict(VersionConflict)
        /// The lock in the way, and on what.
        case lock(OfflineLock, LockTarget)
        /// Who reviews a registration, or has decided it and when.
        case review(Registration)
    }

    init(
        _ status: HTTPResponse.Status, _ code: String, _ title: String, _ detail: String,
        extras: [Extra] = [], headers: HTTPFields = [:]
    ) {
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.extras = extras
        self.headers = headers
    }

    /// The response to `request`. A `HEAD` gets the head of it.
    func response(to request: Request) -> Response {
        let body = body(instance: request.uri.path)
        let response = Response(
            status: status, headers: fields, body: ResponseBody(byteBuffer: body))
        return request.method == .head ? response.createHeadResponse() : response
    }

    /// The header fields of the response.
    var fields: HTTPFields {
        var fields = headers
        fields[.contentType] = "application/problem+json"
        return fields
    }

    /// The problem as JSON.
    /// - Parameter instance: The path that was asked for.
    func body(instance: String) -> ByteBuffer { Body(problem: self, instance: instance).json }

    private struct Body: Representation {
        let problem: Problem
        let instance: String

        func write(to members: inout MemberWriter) {
            members.write("type", "/problems/\(problem.code)")
            members.write("title", problem.title)
            members.write("status", problem.status.code)
            members.write("detail", problem.detail)
            members.write("instance", instance)
            members.write("code", problem.code)
            for extra in problem.extras {
                switch extra {
                case .member(let name): members.write("member", name)
                case .alternatives(let slots): members.write("alternatives", slots)
                case .missing(let things): members.write("missing", things)
                case .conflict(let conflict): conflict.write(to: &members)
                case .lock(let lock, let target):
                    members.write("target", target)
                    members.write("holder", lock.holder)
                    members.write("reason", lock.reason)
                    members.write("since", lock.since)
                    members.write("expires_at", lock.expiresAt)
                case .review(let registration): registration.writeReview(to: &members)
                }
            }
        }
    }
}
