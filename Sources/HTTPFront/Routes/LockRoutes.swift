import Clinic
import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore

extension HTTPFront {
    var lockRoutes: [Route] {
        let path = "/v1/clinics/{clinic}/locks"
        return [
            Route(.post, path, for: .staff) { call in
                let request = try call.body(NewLock.self).request(email: call.caller?.email)
                let clinicID = try call.clinicID
                return try await answer(call) { once in
                    try await locks.acquire(request, in: clinicID, by: call.author, once: once)
                } with: { acquired in
                    let lock = acquired.lock
                    return acquired.isNew
                        ? .created(lock, at: "\(clinicID.clinicPath)/locks/\(lock.token.text)")
                        : .ok(lock)
                }
            },
            Route(.get, path, for: .staff, query: ["type", "id"] + Query.page) { call in
                try await ListPage(
                    locks.locks(
                        in: call.clinicID, on: call.query.choice("type"), call.query.id("id"),
                        call.query.page()),
                    of: call.query
                ).response(to: call)
            },
            Route(.post, path + "/{token}/renew", for: .staff) { call in
                let token = try call.id("token", orThrow: LockError.lockNotFound)
                _ = try call.body(NoMembers.self, mayBeAbsent: true)
                return try await answer(call) { once in
                    try await locks.renew(token, in: call.clinicID, by: call.author, once: once)
                } with: {
                    .ok($0)
                }
            },
            Route(.delete, path + "/{token}", for: .staff, query: ["force"]) { call in
                let token = try call.id("token", orThrow: LockError.lockNotFound)
                let isForced = try call.query.flag("force")
                if isForced && call.caller?.mayBreakLocks != true { throw Problem.forbidden }
                return try await answer(call) { once in
                    try await locks.release(
                        token, byForce: isForced, in: call.clinicID, by: call.author, once: once)
                } with: {
                    .noContent
                }
            },
        ]
    }
}

extension Caller {
    fileprivate var mayBreakLocks: Bool { role == .admin || role == .operator }
}

extension Call {
    /// The lock that the caller writes under; nil if it names none.
    /// - Throws: `LockError.lockLost` for what cannot be a token.
    var lockToken: UUID? {
        get throws {
            guard let field = request.headers[.lockToken] else { return nil }
            guard let token = UUID(uuidString: field) else { throw LockError.lockLost }
            return token
        }
    }

    /// The patient that the path names, to be written to under the lock that the header names.
    /// - Throws: ``Problem`` 428 without a lock; `RecordError.patientNotFound`.
    var recordTarget: RecordTarget {
        get throws {
            let patientID = try id("patient", orThrow: RecordError.patientNotFound)
            guard let lock = try lockToken else { throw Problem.lockRequired }
            return RecordTarget(
                patientID, in: try clinicID, under: lock, version: try optionalVersion, by: author)
        }
    }
}

private struct NewLock: RequestMembers {
    static let names = ["targets", "reason", "ttl_seconds", "mode", "on_expiry"]

    private let targets: [LockTarget]
    private let reason: String
    private let lifetime: Int
    private let mode: LockRequest.Mode
    private let onExpiry: LockExpiry

    init(from members: Members) throws {
        targets = try members.objects("targets", NewTarget.self).map(\.target)
        reason = try members.text("reason", limit: 500)
        lifetime = try members.optionalInteger("ttl_seconds") ?? 900
        mode = try members.choice("mode") ?? .reentrant
        onExpiry = try members.choice("on_expiry") ?? .release
    }

    func request(email: String?) throws -> LockRequest {
        try LockRequest(
            targets: targets, reason: reason, lifetime: lifetime, mode: mode, onExpiry: onExpiry,
            email: email)
    }
}

private struct NewTarget: RequestMembers {
    static let names = ["type", "id"]

    let target: LockTarget

    init(from members: Members) throws {
        _ = try members.text("type", limit: 50)
        guard let type: LockTargetType = try members.choice("type") else {
            throw Problem.missingMember("type", "must be a string")
        }
        target = LockTarget(type: type, id: try members.id("id"))
    }
}
