import Clinic
import FoundationEssentials
import HTTPFront
import ServiceTesting

extension Interleaving {
    /// What happens to one slot while somebody books it.
    static let booking = [
        Interleaving(
            title: "book, book", names: ["ann", "ben"],
            allowed: [["201", "slot_taken"], ["slot_taken", "201"]]
        ) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            return try await fixture.ownPatients(2).map { patient in
                { try await $0.book(slot.id, as: patient) }
            }
        },
        Interleaving(
            title: "book, book, book, two seats", names: ["ann", "ben", "cat"],
            allowed: [
                ["201", "201", "slot_taken"], ["201", "slot_taken", "201"],
                ["slot_taken", "201", "201"],
            ]
        ) { fixture in
            let slot = try await fixture.slots(1, capacity: 2, by: fixture.colleague())[0]
            return try await fixture.ownPatients(3).map { patient in
                { try await $0.book(slot.id, as: patient) }
            }
        },
        Interleaving(
            title: "book, book: one patient, two slots at one time", names: ["here", "there"],
            allowed: [["201", "patient_busy"], ["patient_busy", "201"]]
        ) { fixture in
            let start = Date(timeIntervalSinceNow: 172_800)
            let here = try await fixture.slots(1, from: start, by: fixture.colleague())[0]
            let there = try await fixture.slots(1, from: start, by: fixture.colleague())[0]
            let patient = try await fixture.ownPatients(1)[0]
            return [
                { try await $0.book(here.id, as: patient) },
                { try await $0.book(there.id, as: patient) },
            ]
        },
        Interleaving(
            title: "book, cancel", names: ["ann", "cat"],
            allowed: [["201", "200"], ["slot_taken", "200"]]
        ) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            let patients = try await fixture.ownPatients(2)
            let booked = try await fixture.booked(slot, for: patients[1])
            return [
                { try await $0.book(slot.id, as: patients[0]) },
                { try await $0.cancel(booked) },
            ]
        },
        Interleaving(
            title: "book, move there", names: ["ann", "cat"],
            allowed: [["201", "slot_taken"], ["slot_taken", "200"]]
        ) { fixture in
            let slots = try await fixture.ownSlots(2)
            let patients = try await fixture.ownPatients(2)
            let booked = try await fixture.booked(slots[1], for: patients[1])
            return [
                { try await $0.book(slots[0].id, as: patients[0]) },
                { try await $0.move(booked, to: slots[0]) },
            ]
        },
        Interleaving(
            title: "book, move away", names: ["ann", "cat"],
            allowed: [["201", "200"], ["slot_taken", "200"]]
        ) { fixture in
            let slots = try await fixture.ownSlots(2)
            let patients = try await fixture.ownPatients(2)
            let booked = try await fixture.booked(slots[0], for: patients[1])
            return [
                { try await $0.book(slots[0].id, as: patients[0]) },
                { try await $0.move(booked, to: slots[1]) },
            ]
        },
        Interleaving(
            title: "book, hold", names: ["ann", "ben"],
            allowed: [["201", "slot_taken"], ["slot_held", "201"]]
        ) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            let patients = try await fixture.ownPatients(2)
            return [
                { try await $0.book(slot.id, as: patients[0]) },
                { try await $0.hold(slot, for: patients[1]) },
            ]
        },
        Interleaving(
            title: "hold, hold", names: ["ann", "ben"],
            allowed: [["201", "slot_held"], ["slot_held", "201"]]
        ) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            return try await fixture.ownPatients(2).map { patient in
                { try await $0.hold(slot, for: patient) }
            }
        },
        Interleaving(
            title: "book, block", names: ["ann", "admin"],
            allowed: [["201", "version_conflict"], ["slot_unavailable", "200"]]
        ) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            let patient = try await fixture.ownPatients(1)[0]
            return [
                { try await $0.book(slot.id, as: patient) },
                { try await $0.change(slot, #"{"status": "busy-unavailable"}"#) },
            ]
        },
        Interleaving(
            title: "book, move the slot", names: ["ann", "admin"],
            allowed: [["201", "version_conflict"], ["201", "200"]]
        ) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            let patient = try await fixture.ownPatients(1)[0]
            let end = slot.endsAt.addingTimeInterval(900).formatted(.iso8601)
            return [
                { try await $0.book(slot.id, as: patient) },
                { try await $0.change(slot, #"{"ends_at": "\#(end)"}"#) },
            ]
        },
        Interleaving(
            title: "book, delete the slot", names: ["ann", "admin"],
            allowed: [["201", "version_conflict"], ["slot_not_found", "204"]]
        ) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            let patient = try await fixture.ownPatients(1)[0]
            return [
                { try await $0.book(slot.id, as: patient) },
                { try await $0.delete(slot) },
            ]
        },
        Interleaving(
            title: "book, book with one key", names: ["one", "again"],
            allowed: [["201", "201"]]
        ) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            let patient = try await fixture.ownPatients(1)[0]
            let key = UUID().text
            let act: Act = { fixture in
                try await fixture.send(
                    "POST", "appointments", as: fixture.receptionist,
                    #"{"slot_id": "\#(slot.id.text)", "patient_id": "\#(patient.id.text)"}"#,
                    key: key)
            }
            return [act, act]
        },
    ]
}
