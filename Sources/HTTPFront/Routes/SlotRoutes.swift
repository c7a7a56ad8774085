import Clinic
import FoundationEssentials
import HTTPTypes
import Hummingbird

extension HTTPFront {
    var slotRoutes: [Route] {
        let path = "/v1/clinics/{clinic}/slots"
        return [
            Route(.post, path, for: .admins) { call in
                let draft = try call.body(NewSlot.self).draft
                return try await answer(call) { once in
                    try await calendar.createSlot(
                        draft, in: call.clinicID, by: call.author, once: once)
                } with: {
                    .created($0)
                }
            },
            Route(
                .get, path, for: .everyone,
                query: ["practitioner_id", "specialty", "status", "from", "to"] + Query.page
            ) { call in
                var filter = SlotFilter()
                filter.practitionerID = try call.query.id("practitioner_id")
                filter.specialty = try call.query.text("specialty", limit: 100)
                filter.status = try call.query.choice("status")
                (filter.from, filter.to) = try call.query.span()
                return try await ListPage(
                    calendar.slots(in: call.clinicID, where: filter, call.query.page()),
                    of: call.query
                ).response(to: call)
            },
            Route(.get, path + "/{slot}", for: .everyone) { call in
                let slot = try await calendar.slot(
                    call.id("slot", orThrow: CalendarError.slotNotFound), in: call.clinicID)
                return call.found(slot)
            },
            Route(.patch, path + "/{slot}", for: .admins) { call in
                let version = try call.expectedVersion
                let changes = try call.body(SlotPatch.self).changes
                let slot = try await calendar.change(
                    slot: call.id("slot", orThrow: CalendarError.slotNotFound), in: call.clinicID,
                    changes, ifVersion: version, by: call.author)
                return .changed(slot)
            },
            Route(.delete, path + "/{slot}", for: .admins) { call in
                let slotID = try call.id("slot", orThrow: CalendarError.slotNotFound)
                let version = try call.expectedVersion
                return try await answer(call) { once in
                    try await calendar.delete(
                        slot: slotID, in: call.clinicID, ifVersion: version, by: call.author,
                        once: once)
                } with: {
                    .noContent
                }
            },
        ]
    }
}

private struct NewSlot: RequestMembers {
    static let names = ["practitioner_id", "starts_at", "ends_at", "capacity"]

    let draft: SlotDraft

    init(from members: Members) throws {
        draft = try SlotDraft(
            practitionerID: members.id("practitioner_id"),
            startsAt: members.instant("starts_at"),
            endsAt: members.instant("ends_at"),
            capacity: members.optionalInteger("capacity") ?? 1)
    }
}

private struct SlotPatch: RequestMembers {
    static let names = ["starts_at", "ends_at", "capacity", "status"]

    var changes = SlotChanges()

    init(from members: Members) throws {
        try members.requireOne()
        changes.startsAt = try members.replacementInstant("starts_at")
        changes.endsAt = try members.replacementInstant("ends_at")
        changes.capacity = try members.replacementInteger("capacity")
        changes.isBlocked = try members.choice("status", Administered.self).map {
            $0 == .busyUnavailable
        }
    }

    /// What an administrator makes of a slot; the other statuses come of bookings and holds.
    private enum Administered: String, CaseIterable {
        case free
        case busyUnavailable = "busy-unavailable"
    }
}
