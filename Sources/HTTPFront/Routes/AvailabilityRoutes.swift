import Clinic
import FoundationEssentials
import Hummingbird

extension HTTPFront {
    var availabilityRoutes: [Route] {
        let timeOff = "/v1/clinics/{clinic}/time-off"
        return [
            Route(.post, "/v1/clinics/{clinic}/availability", for: .admins) { call in
                let availability = try call.body(NewAvailability.self).availability
                return try await answer(call) { once in
                    try await calendar.createSlots(
                        of: availability, in: call.clinicID, by: call.author, once: once)
                } with: {
                    .created($0)
                }
            },
            Route(.post, timeOff, for: .admins) { call in
                let draft = try call.body(NewTimeOff.self).draft
                return try await answer(call) { once in
                    try await calendar.createTimeOff(
                        draft, in: call.clinicID, by: call.author, once: once)
                } with: {
                    .created($0)
                }
            },
            Route(
                .get, timeOff, for: .staff, query: ["practitioner_id", "from", "to"] + Query.page
            ) { call in
                let (from, to) = try call.query.span()
                return try await ListPage(
                    calendar.timeOff(
                        in: call.clinicID, of: call.query.id("practitioner_id"), from: from, to: to,
                        call.query.page()),
                    of: call.query
                ).response(to: call)
            },
            Route(.delete, timeOff + "/{time-off}", for: .admins) { call in
                let id = try call.id("time-off", orThrow: CalendarError.timeOffNotFound)
                return try await answer(call) { once in
                    try await calendar.deleteTimeOff(
                        id, in: call.clinicID, by: call.author, once: once)
                } with: {
                    .noContent
                }
            },
        ]
    }
}

private struct NewAvailability: RequestMembers {
    static let names = [
        "practitioner_id", "from", "to", "weekdays", "start", "end", "slot_minutes",
        "buffer_minutes", "breaks", "capacity",
    ]

    let availability: Availability

    init(from members: Members) throws {
        availability = try Availability(
            practitionerID: members.id("practitioner_id"),
            from: members.text("from", limit: 10),
            to: members.text("to", limit: 10),
            weekdays: Set(members.choices("weekdays")),
            start: members.time("start"),
            end: members.time("end"),
            slotMinutes: members.integer("slot_minutes"),
            bufferMinutes: members.optionalInteger("buffer_minutes") ?? 0,
            breaks: members.optionalObjects("breaks", NewBreak.self)?.map(\.pause) ?? [],
            capacity: members.optionalInteger("capacity") ?? 1)
    }
}

private struct NewBreak: RequestMembers {
    static let names = ["start", "end"]

    let pause: Availability.Break

    init(from members: Members) throws {
        pause = try Availability.Break(
            start: members.time("start"), end: members.time("end"))
    }
}

private struct NewTimeOff: RequestMembers {
    static let names = ["practitioner_id", "starts_at", "ends_at", "reason"]

    let draft: TimeOff.Draft

    init(from members: Members) throws {
        draft = try TimeOff.Draft(
            practitionerID: members.id("practitioner_id"),
            startsAt: members.instant("starts_at"),
            endsAt: members.instant("ends_at"),
            reason: members.optionalText("reason", limit: 500))
    }
}
