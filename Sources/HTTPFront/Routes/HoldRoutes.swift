import Clinic
import FoundationEssentials
import Hummingbird

extension HTTPFront {
    var holdRoutes: [Route] {
        let path = "/v1/clinics/{clinic}/slots/{slot}/hold"
        return [
            Route(.post, path, for: .staffAndPatients) { call in
                let slotID = try call.id("slot", orThrow: CalendarError.slotNotFound)
                let body = try call.body(NewHold.self, mayBeAbsent: true)
                let request = try HoldRequest(
                    slotID: slotID, patientID: try call.patientID(or: body.patientID),
                    lifetime: body.lifetime, author: call.author, lock: try call.lockToken)
                return try await answer(call) { once in
                    try await booking.hold(request, in: call.clinicID, once: once)
                } with: { hold in
                    hold.isRenewed ? .ok(hold) : .created(hold)
                }
            },
            Route(.delete, path, for: .staffAndPatients) { call in
                let slotID = try call.id("slot", orThrow: CalendarError.slotNotFound)
                let lock = try call.lockToken
                return try await answer(call) { once in
                    try await booking.endHold(
                        of: slotID, in: call.clinicID, of: call.caller?.patientID, under: lock,
                        by: call.author, once: once)
                } with: {
                    .noContent
                }
            },
        ]
    }
}

private struct NewHold: RequestMembers {
    static let names = ["patient_id", "ttl_seconds"]

    let patientID: UUID?
    let lifetime: Int

    init(from members: Members) throws {
        patientID = try members.optionalID("patient_id")
        lifetime = try members.optionalInteger("ttl_seconds") ?? 120
    }
}
