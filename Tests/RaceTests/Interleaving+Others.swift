import Clinic
import FoundationEssentials
import HTTPFront
import ServiceTesting

extension Interleaving {
    /// What becomes of appointments, and who gets the seat.
    static let appointments = [
        Interleaving(
            title: "cancel, cancel", names: ["one", "other"],
            allowed: [["200", "not_active"], ["not_active", "200"]]
        ) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            let booked = try await fixture.booked(slot, for: fixture.ownPatients(1)[0])
            return [{ try await $0.cancel(booked) }, { try await $0.cancel(booked) }]
        },
        Interleaving(
            title: "cancel with somebody waiting, book", names: ["cat", "ann"],
            allowed: [["200", "slot_taken"]]
        ) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            let patients = try await fixture.ownPatients(3)
            let booked = try await fixture.booked(slot, for: patients[0])
            _ = try await fixture.wait(patients[2], from: slot, practitioner: slot.practitionerID)
            return [
                { try await $0.cancel(booked) },
                { try await $0.book(slot.id, as: patients[1]) },
            ]
        },
        Interleaving(
            title: "cancel, join the waitlist", names: ["cat", "dan"], allowed: [["200", "201"]]
        ) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            let patients = try await fixture.ownPatients(2)
            let booked = try await fixture.booked(slot, for: patients[0])
            return [
                { try await $0.cancel(booked) },
                {
                    try await $0.wait(
                        patients[1], from: slot, practitioner: slot.practitionerID)
                },
            ]
        },
        Interleaving(
            title: "two who swap", names: ["ann", "ben"], allowed: [["slot_taken", "slot_taken"]]
        ) { fixture in
            let slots = try await fixture.ownSlots(2)
            let patients = try await fixture.ownPatients(2)
            let first = try await fixture.booked(slots[0], for: patients[0])
            let second = try await fixture.booked(slots[1], for: patients[1])
            return [
                { try await $0.move(first, to: slots[1]) },
                { try await $0.move(second, to: slots[0]) },
            ]
        },
    ]

    /// Who decides, and who has it.
    static let administration = [
        Interleaving(
            title: "claim, claim", names: ["ada", "ben"],
            allowed: [["200", "version_conflict"], ["version_conflict", "200"]]
        ) { fixture in
            let id = try await fixture.registration().id.text
            return ["ada", "ben"].map { name in
                {
                    try await $0.send(
                        "POST", "registrations/\(id)/claim", as: $0.admin(name), "{}",
                        version: "1")
                }
            }
        },
        decision("approve", "reject"), decision("approve", "approve"),
        Interleaving(
            title: "lock, lock the same record", names: ["ada", "ben"],
            allowed: [["201", "locked"], ["locked", "201"]]
        ) { fixture in
            let patient = try await fixture.ownPatients(1)[0].id.text
            return ["ada", "ben"].map { name in
                {
                    try await $0.service.send(
                        "POST", $0.path("locks"),
                        token: $0.service.token(
                            .receptionist, clinic: $0.clinic.id, subject: name),
                        body: """
                            {"targets": [{"type": "patient", "id": "\(patient)"}],
                            "reason": "a visit"}
                            """)
                }
            }
        },
    ]

    private static func decision(_ first: String, _ second: String) -> Interleaving {
        Interleaving(
            title: "\(first), \(second)", names: ["ada", "ben"],
            allowed: [["200", "version_conflict"], ["version_conflict", "200"]]
        ) { fixture in
            let id = try await fixture.registration().id.text
            return zip(["ada", "ben"], [first, second]).map { name, decision in
                {
                    try await $0.send(
                        "POST", "registrations/\(id)/\(decision)", as: $0.admin(name),
                        decision == "reject" ? #"{"reason": "no insurance"}"# : nil, version: "1")
                }
            }
        }
    }
}
