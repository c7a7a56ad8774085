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
                @Sendable func answer(_ acquired: OfflineLockService.Acquired) -> StoredAnswer {
                    acquired.answer(in: clinicID)
                }
                guard let idempotent = try call.idempotentRequest else {
                    let acquired = try await locks.acquire(request, in: clinicID, by: call.author)
                    return Response(answer(acquired), isReplay: false)
                }
                let (told, isReplay) = try await locks.acquire(
                    request, in: clinicID, by: call.author, once: idempotent, answer: answer)
                return Response(told, isReplay: isReplay)
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
                let token = try call.id("token", orThrow: LockError.lockLost)
                _ = try call.body(NoMembers.self, mayBeAbsent: true)
                return try await .json(
                    .ok, locks.renew(token, in: call.clinicID, by: call.author))
            },
            Route(.delete, path + "/{token}", for: .staff, query: ["force"]) { call in
                let token = try call.id("token", orThrow: LockError.lockNotFound)
                let isForced = try call.query.flag("force")
                if isForced && call.caller?.mayBreakLocks != true { throw Problem.forbidden }
                guard let request = try call.idempotentRequest else {
                    try await locks.release(
                        token, byForce: isForced, in: call.clinicID, by: call.author)
                    return Response(status: .noContent)
                }
                let (answer, isReplay) = try await locks.release(
                    token, byForce: isForced, in: call.clinicID, by: call.author, once: request,
                    answer: StoredAnswer(status: 204))
                return Response(answer, isReplay: isReplay)
            },
        ]
    }
}

extension OfflineLockService.Acquired {
    fileprivate func answer(in clinicID: UUID) -> StoredAnswer {
        StoredAnswer(
            status: isNew ? 201 : 200, body: String(buffer: lock.json),
            location: isNew ? "/v1/clinics/\(clinicID.text)/locks/\(lock.token.text)" : nil)
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
