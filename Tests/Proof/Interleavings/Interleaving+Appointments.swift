import Clinic
import FoundationEssentials
import HTTPFront
import ServiceTesting

extension Interleaving {
    /// What becomes of appointments, and who gets the seat.
    static let appointments = [
        cancellations("cancel, cancel", allowed: [["200", "not_active"], ["not_active", "200"]]),
        cancellations("cancel, cancel with one key", key: true, allowed: [["200", "200"]]),
        Interleaving(
            "cancel, move", ["cat", "again"], allowed: [["200", "200"], ["200", "not_active"]]
        ) { fixture in
            let slots = try await fixture.ownSlots(2)
            let booked = try await fixture.booked(slots[0], for: fixture.ownPatients(1)[0])
            return [
                { try await $0.cancel(booked).told },
                { try await $0.move(booked, to: slots[1]).told },
            ]
        },
        arrival("cancel", allowed: [["200", "200"], ["200", "version_conflict"]]) {
            fixture, id, _ in
            try await fixture.cancel(id)
        },
        arrival("move", allowed: [["200", "version_conflict"], ["bad_transition", "200"]]) {
            try await $0.move($1, to: $2)
        },
        Interleaving(
            "move, move to one slot", ["ann", "ben"],
            allowed: [["200", "slot_taken"], ["slot_taken", "200"]]
        ) { fixture in
            let slots = try await fixture.ownSlots(3)
            let patients = try await fixture.ownPatients(2)
            let booked = [
                try await fixture.booked(slots[0], for: patients[0]),
                try await fixture.booked(slots[1], for: patients[1]),
            ]
            return booked.map { id in { try await $0.move(id, to: slots[2]).told } }
        },
        Interleaving(
            "move, move: two who swap", ["ann", "ben"], allowed: [["slot_taken", "slot_taken"]]
        ) { fixture in
            let slots = try await fixture.ownSlots(2)
            let patients = try await fixture.ownPatients(2)
            let first = try await fixture.booked(slots[0], for: patients[0])
            let second = try await fixture.booked(slots[1], for: patients[1])
            return [
                { try await $0.move(first, to: slots[1]).told },
                { try await $0.move(second, to: slots[0]).told },
            ]
        },
    ]

    /// Something is done with an appointment while staff write down that the patient has come.
    private static func arrival(
        _ title: String, allowed: Set<[String]>,
        _ change: @escaping @Sendable (Fixture, _ id: String, _ other: Slot) async throws -> Answer
    ) -> Interleaving {
        Interleaving(
            "\(title), write down that the patient has come", ["cat", "desk"], allowed: allowed
        ) { fixture in
            let slots = try await fixture.ownSlots(2)
            let booked = try await fixture.booked(slots[0], for: fixture.ownPatients(1)[0])
            return [
                { try await change($0, booked, slots[1]).told },
                {
                    try await $0.send(
                        "POST", "appointments/\(booked)/status",
                        as: nil, #"{"status": "arrived"}"#, version: "1"
                    ).told
                },
            ]
        }
    }

    private static func cancellations(
        _ title: String, key isKeyed: Bool = false, allowed: Set<[String]>
    ) -> Interleaving {
        Interleaving(title, ["one", "other"], allowed: allowed) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            let booked = try await fixture.booked(slot, for: fixture.ownPatients(1)[0])
            let key = isKeyed ? UUID().text : nil
            let act: Stage.Act = {
                try await $0.send(
                    "POST", "appointments/\(booked)/cancel", as: $0.receptionist, key: key
                ).told
            }
            return [act, act]
        }
    }
}
