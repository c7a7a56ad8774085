import Clinic
import HTTPFront
import PostgresTesting
import ServiceTesting

extension Interleaving {
    /// Who keeps a slot for a while, and for how long.
    static let holds = [
        Interleaving(
            "book, hold", ["ann", "ben"], allowed: [["201", "slot_taken"], ["slot_held", "201"]]
        ) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            let patients = try await fixture.ownPatients(2)
            return [
                { try await $0.book(slot.id, as: patients[0]).told },
                { try await $0.hold(slot, for: patients[1]).told },
            ]
        },
        Interleaving(
            "hold, hold", ["ann", "ben"], allowed: [["201", "slot_held"], ["slot_held", "201"]]
        ) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            return try await fixture.ownPatients(2).map { patient in
                { try await $0.hold(slot, for: patient).told }
            }
        },
        Interleaving(
            "book, the hold's time passes", ["ann", "time"],
            allowed: [["201", "over"], ["slot_held", "over"]],
            // Who waits till it is over has the slot: the clock is read behind the lock.
            forbids: { $0.waited("ann") && $0.told[0] == "slot_held" }
        ) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            let patients = try await fixture.ownPatients(2)
            _ = try await fixture.hold(slot, for: patients[1])
            return [
                { try await $0.book(slot.id, as: patients[0]).told },
                { try await $0.letTimePass(forHoldOn: slot) },
            ]
        },
        Interleaving(
            "book, the hold is given up", ["ann", "ben"],
            allowed: [["201", "204"], ["slot_held", "204"]]
        ) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            let patients = try await fixture.ownPatients(2)
            _ = try await fixture.hold(slot, for: patients[1])
            return [
                { try await $0.book(slot.id, as: patients[0]).told },
                { try await $0.endHold(of: slot).told },
            ]
        },
        Interleaving(
            "hold again, the hold's time passes, book", ["ben", "time", "ann"],
            allowed: [
                ["200", "over", "201"], ["200", "over", "slot_held"], ["201", "over", "slot_held"],
                ["slot_taken", "over", "201"],
            ]
        ) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            let patients = try await fixture.ownPatients(2)
            _ = try await fixture.hold(slot, for: patients[1])
            return [
                { try await $0.hold(slot, for: patients[1]).told },
                { try await $0.letTimePass(forHoldOn: slot) },
                { try await $0.book(slot.id, as: patients[0]).told },
            ]
        },
        Interleaving(
            "hold, hold: 20 are all that a patient may have, and 19 are there", ["one", "other"],
            allowed: [["201", "not_holdable"], ["not_holdable", "201"]]
        ) { fixture in
            let slots = try await fixture.ownSlots(21)
            let patient = try await fixture.ownPatients(1)[0]
            for slot in slots.prefix(19) { _ = try await fixture.hold(slot, for: patient) }
            return slots.suffix(2).map { slot in
                { try await $0.hold(slot, for: patient).told }
            }
        },
    ]
}
