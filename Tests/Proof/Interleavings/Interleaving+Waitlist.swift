import Clinic
import FoundationEssentials
import HTTPFront
import ServiceTesting

extension Interleaving {
    /// Seats, and who waits for them.
    static let waitlist = [
        Interleaving(
            "cancel where somebody waits, book", ["cat", "ann"], allowed: [["200", "slot_taken"]]
        ) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            let patients = try await fixture.ownPatients(3)
            let booked = try await fixture.booked(slot, for: patients[0])
            _ = try await fixture.wait(patients[2], from: slot, practitioner: slot.practitionerID)
            return [
                { try await $0.cancel(booked).told },
                { try await $0.book(slot.id, as: patients[1]).told },
            ]
        },
        Interleaving("cancel, join the waitlist", ["cat", "dan"], allowed: [["200", "201"]]) {
            fixture in
            let slot = try await fixture.ownSlots(1)[0]
            let patients = try await fixture.ownPatients(2)
            let booked = try await fixture.booked(slot, for: patients[0])
            return [
                { try await $0.cancel(booked).told },
                { try await $0.join(patients[1], for: slot) },
            ]
        },
        Interleaving(
            "cancel, book, join the waitlist", ["cat", "ann", "dan"],
            allowed: [["200", "201", "201"], ["200", "slot_taken", "201"]]
        ) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            let patients = try await fixture.ownPatients(4)
            let booked = try await fixture.booked(slot, for: patients[0])
            // In some orders one is left waiting, and then every cancellation in the clinic looks closer.
            _ = try await fixture.waiting(patients[3].id)
            return [
                { try await $0.cancel(booked).told },
                { try await $0.book(slot.id, as: patients[1]).told },
                { try await $0.join(patients[2], for: slot) },
            ]
        },
        Interleaving(
            "cancel, cancel where one waits for either seat", ["cat", "dan"],
            allowed: [["200", "200"]]
        ) { fixture in
            let slots = try await fixture.ownSlots(2)
            let patients = try await fixture.ownPatients(3)
            let booked = [
                try await fixture.booked(slots[0], for: patients[0]),
                try await fixture.booked(slots[1], for: patients[1]),
            ]
            _ = try await fixture.wait(
                patients[2], from: slots[0], to: slots[1], practitioner: slots[0].practitionerID)
            return booked.map { id in { try await $0.cancel(id).told } }
        },
        Interleaving(
            "cancel what keeps one from a slot, cancel that slot, for which that one waits",
            ["cat", "dan"], allowed: [["200", "200"]]
        ) { fixture in
            // They overlap.
            let slots = try await [fixture.ownSlots(1)[0], fixture.ownSlots(1)[0]]
            let patients = try await fixture.ownPatients(2)
            let booked = [
                try await fixture.booked(slots[0], for: patients[0]),
                try await fixture.booked(slots[1], for: patients[1]),
            ]
            _ = try await fixture.wait(
                patients[0], from: slots[1], practitioner: slots[1].practitionerID)
            return booked.map { id in { try await $0.cancel(id).told } }
        },
        Interleaving(
            "cancel by one who waits for something else, join the waitlist", ["cat", "dan"],
            allowed: [["200", "201"]]
        ) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            let patients = try await fixture.ownPatients(2)
            let booked = try await fixture.booked(slot, for: patients[0])
            _ = try await fixture.waiting(patients[0].id)
            return [
                { try await $0.cancel(booked).told },
                { try await $0.join(patients[1], for: slot) },
            ]
        },
        Interleaving(
            "cancel by one who waits for something else, book", ["cat", "ann"],
            allowed: [["200", "201"], ["200", "slot_taken"]]
        ) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            let patients = try await fixture.ownPatients(2)
            let booked = try await fixture.booked(slot, for: patients[0])
            _ = try await fixture.waiting(patients[0].id)
            return [
                { try await $0.cancel(booked).told },
                { try await $0.book(slot.id, as: patients[1]).told },
            ]
        },
        Interleaving(
            "book, join the waitlist for what is free", ["ann", "dan"],
            allowed: [["201", "201"], ["slot_taken", "201"]]
        ) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            let patients = try await fixture.ownPatients(2)
            return [
                { try await $0.book(slot.id, as: patients[0]).told },
                { try await $0.join(patients[1], for: slot) },
            ]
        },
        Interleaving(
            "cancel where somebody waits, who withdraws", ["cat", "dan"],
            allowed: [["200", "204"], ["200", "already_promoted"]]
        ) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            let patients = try await fixture.ownPatients(2)
            let booked = try await fixture.booked(slot, for: patients[0])
            let wish = try await fixture.wait(
                patients[1], from: slot, practitioner: slot.practitionerID
            ).id
            return [
                { try await $0.cancel(booked).told },
                { try await $0.send("DELETE", "waitlist/\(wish)").told },
            ]
        },
        Interleaving(
            "book what one waits for, cancel another such", ["dan", "cat"],
            allowed: [["201", "200"]]
        ) { fixture in
            let slots = try await fixture.ownSlots(2)
            let patients = try await fixture.ownPatients(3)
            let booked = try await fixture.booked(slots[0], for: patients[1])
            // Free since its hold is over, and not given away yet.
            _ = try await fixture.hold(slots[1], for: patients[2])
            _ = try await fixture.wait(
                patients[0], from: slots[0], to: slots[1], practitioner: slots[0].practitionerID)
            _ = try await fixture.letTimePass(forHoldOn: slots[1])
            return [
                { try await $0.book(slots[1].id, as: patients[0]).told },
                { try await $0.cancel(booked).told },
            ]
        },
        Interleaving(
            "book, the slot whose hold is over is given away", ["ann", "sweep"],
            allowed: [["201", "over"], ["slot_taken", "over"]]
        ) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            let patients = try await fixture.ownPatients(3)
            _ = try await fixture.hold(slot, for: patients[1])
            _ = try await fixture.wait(patients[2], from: slot, practitioner: slot.practitionerID)
            _ = try await fixture.letTimePass(forHoldOn: slot)
            return [
                { try await $0.book(slot.id, as: patients[0]).told },
                { await $0.sweep { try await WaitlistService(store: $0).offerExpiredHolds() } },
            ]
        },
    ]
}

extension Fixture {
    /// Joins the waitlist for one slot.
    fileprivate func join(_ patient: Patient, for slot: Slot) async throws -> String {
        try await wait(patient, from: slot, practitioner: slot.practitionerID).told
    }
}
