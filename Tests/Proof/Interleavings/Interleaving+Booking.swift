import Clinic
import FoundationEssentials
import HTTPFront
import ServiceTesting

extension Interleaving {
    /// What happens to one slot while somebody books it.
    static let booking = [
        Interleaving(
            "book, book", ["ann", "ben"], allowed: [["201", "slot_taken"], ["slot_taken", "201"]]
        ) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            return try await fixture.ownPatients(2).map { patient in
                { try await $0.book(slot.id, as: patient).told }
            }
        },
        Interleaving(
            "book, book, book: two seats", ["ann", "ben", "cat"],
            allowed: [
                ["201", "201", "slot_taken"], ["201", "slot_taken", "201"],
                ["slot_taken", "201", "201"],
            ]
        ) { fixture in
            let slot = try await fixture.ownSlots(1, capacity: 2)[0]
            return try await fixture.ownPatients(3).map { patient in
                { try await $0.book(slot.id, as: patient).told }
            }
        },
        Interleaving(
            "book, book: one patient, two slots at one time", ["here", "there"],
            allowed: [["201", "patient_busy"], ["patient_busy", "201"]]
        ) { fixture in
            let start = Date(timeIntervalSinceNow: 172_800)
            let here = try await fixture.slots(1, from: start, by: fixture.colleague())[0]
            let there = try await fixture.slots(1, from: start, by: fixture.colleague())[0]
            let patient = try await fixture.ownPatients(1)[0]
            return [here, there].map { slot in
                { try await $0.book(slot.id, as: patient).told }
            }
        },
        Interleaving(
            "book, cancel", ["ann", "cat"], allowed: [["201", "200"], ["slot_taken", "200"]]
        ) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            let patients = try await fixture.ownPatients(2)
            let booked = try await fixture.booked(slot, for: patients[1])
            return [
                { try await $0.book(slot.id, as: patients[0]).told },
                { try await $0.cancel(booked).told },
            ]
        },
        move(
            "book, move there", allowed: [["201", "slot_taken"], ["slot_taken", "200"]], from: 1),
        move("book, move away", allowed: [["201", "200"], ["slot_taken", "200"]], from: 0),
        admin(
            "book, block", allowed: [["201", "version_conflict"], ["slot_unavailable", "200"]]
        ) { try await $0.change($1, #"{"status": "busy-unavailable"}"#) },
        admin(
            "book, move the slot", allowed: [["201", "version_conflict"], ["201", "200"]]
        ) { fixture, slot in
            let end = slot.endsAt.addingTimeInterval(900).formatted(.iso8601)
            return try await fixture.change(slot, #"{"ends_at": "\#(end)"}"#)
        },
        admin(
            "book, delete the slot",
            allowed: [["201", "version_conflict"], ["slot_not_found", "204"]]
        ) { try await $0.delete($1) },
        Interleaving("book, book with one key", ["one", "again"], allowed: [["201", "201"]]) {
            fixture in
            let slot = try await fixture.ownSlots(1)[0]
            let patient = try await fixture.ownPatients(1)[0]
            let key = UUID().text
            let act: Stage.Act = { fixture in
                try await fixture.send(
                    "POST", "appointments", as: fixture.receptionist,
                    #"{"slot_id": "\#(slot.id.text)", "patient_id": "\#(patient.id.text)"}"#,
                    key: key
                ).told
            }
            return [act, act]
        },
    ]

    /// Somebody books the first of two slots while an appointment in one of them moves to the other.
    private static func move(
        _ title: String, allowed: Set<[String]>, from place: Int
    ) -> Interleaving {
        Interleaving(title, ["ann", "cat"], allowed: allowed) { fixture in
            let slots = try await fixture.ownSlots(2)
            let patients = try await fixture.ownPatients(2)
            let booked = try await fixture.booked(slots[place], for: patients[1])
            return [
                { try await $0.book(slots[0].id, as: patients[0]).told },
                { try await $0.move(booked, to: slots[1 - place]).told },
            ]
        }
    }

    /// Somebody books a slot while an administrator does something with it.
    private static func admin(
        _ title: String, allowed: Set<[String]>,
        _ edit: @escaping @Sendable (Fixture, Slot) async throws -> Answer
    ) -> Interleaving {
        Interleaving(title, ["ann", "admin"], allowed: allowed) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            let patient = try await fixture.ownPatients(1)[0]
            return [
                { try await $0.book(slot.id, as: patient).told },
                { try await edit($0, slot).told },
            ]
        }
    }
}
