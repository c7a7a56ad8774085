import Clinic
import FoundationEssentials
import HTTPFront
import ServiceTesting

extension Interleaving {
    /// A practitioner goes away, or comes back, while her calendar changes.
    static let timeOff = [
        Interleaving(
            "book, arrange time off", ["ann", "ada"],
            allowed: [["201", "201"], ["slot_unavailable", "201"]]
        ) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            let patient = try await fixture.ownPatients(1)[0]
            return [
                { try await $0.book(slot.id, as: patient).told },
                {
                    try await $0.timeOff(slot.startsAt, slot.endsAt, of: slot.practitionerID).told
                },
            ]
        },
        Interleaving("cancel, arrange time off", ["cat", "ada"], allowed: [["200", "201"]]) {
            fixture in
            let slot = try await fixture.ownSlots(1)[0]
            let booked = try await fixture.booked(slot, for: fixture.ownPatients(1)[0])
            return [
                { try await $0.cancel(booked).told },
                {
                    try await $0.timeOff(slot.startsAt, slot.endsAt, of: slot.practitionerID).told
                },
            ]
        },
        Interleaving("make a slot, arrange time off", ["ada", "ben"], allowed: [["201", "201"]]) {
            fixture in
            let colleague = try await fixture.colleague()
            let slot = try await fixture.slots(1, by: colleague)[0]
            return [
                { try await $0.makeSlot(behind: slot, by: colleague).told },
                {
                    try await $0.timeOff(
                        slot.endsAt, slot.endsAt.addingTimeInterval(900), of: colleague
                    ).told
                },
            ]
        },
        Interleaving(
            "move a slot, arrange time off where it goes", ["ada", "ben"],
            allowed: [["200", "201"]]
        ) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            let start = slot.startsAt.addingTimeInterval(7_200)
            let end = start.addingTimeInterval(900)
            return [
                {
                    try await $0.change(
                        slot,
                        """
                        {"starts_at": "\(start.formatted(.iso8601))",
                        "ends_at": "\(end.formatted(.iso8601))"}
                        """
                    ).told
                },
                { try await $0.timeOff(start, end, of: slot.practitionerID).told },
            ]
        },
        Interleaving(
            "make a slot, end the time off that it lies in", ["ada", "ben"],
            allowed: [["201", "204"]]
        ) { fixture in
            let colleague = try await fixture.colleague()
            let slot = try await fixture.slots(1, by: colleague)[0]
            let end = slot.endsAt.addingTimeInterval(900)
            let timeOff = try await fixture.timeOff(slot.endsAt, end, of: colleague).id
            return [
                { try await $0.makeSlot(behind: slot, by: colleague).told },
                { try await $0.send("DELETE", "time-off/\(timeOff)", as: $0.admin).told },
            ]
        },
    ]
}
