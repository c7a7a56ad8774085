import Clinic
import FoundationEssentials
import HTTPFront
import ServiceTesting
import Synchronization

extension Interleaving {
    /// Administrators who change one calendar.
    static let calendar = [
        Interleaving(
            "make a slot, make one that overlaps it", ["ada", "ben"],
            allowed: [["201", "slot_overlap"], ["slot_overlap", "201"]]
        ) { fixture in
            let colleague = try await fixture.colleague()
            let slot = try await fixture.slots(1, by: colleague)[0]
            return [
                { try await $0.makeSlot(behind: slot, by: colleague).told },
                { try await $0.makeSlot(behind: slot, by: colleague, earlier: -300).told },
            ]
        },
        Interleaving(
            "change a slot, change it otherwise", ["ada", "ben"],
            allowed: [["200", "version_conflict"], ["version_conflict", "200"]]
        ) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            return [2, 3].map { capacity in
                { try await $0.change(slot, #"{"capacity": \#(capacity)}"#).told }
            }
        },
        Interleaving(
            "make a practitioner, make her with one key", ["one", "again"],
            allowed: [["201 A", "201 A"]]
        ) { _ in
            let key = UUID().text
            let names = ShortNames()
            let act: Stage.Act = { fixture in
                let answer = try await fixture.send(
                    "POST", "practitioners", as: fixture.admin,
                    #"{"name": "Dr. Ada Abel", "specialty": "dermatology"}"#, key: key)
                return try "\(answer.told) \(names.name(of: answer.id))"
            }
            return [act, act]
        },
        Interleaving(
            "rename a practitioner, rename her otherwise", ["ada", "ben"],
            allowed: [["200", "version_conflict"], ["version_conflict", "200"]]
        ) { fixture in
            let id = try await fixture.colleague().text
            return ["Dr. Ada", "Dr. Abel"].map { name in
                { fixture in
                    try await fixture.send(
                        "PATCH", "practitioners/\(id)", as: fixture.admin,
                        #"{"name": "\#(name)"}"#, version: "1"
                    ).told
                }
            }
        },
        Interleaving(
            "rename the clinic, rename it otherwise", ["ada", "ben"],
            allowed: [["200", "version_conflict"], ["version_conflict", "200"]]
        ) { fixture in
            let path = "/v1/clinics/\(fixture.clinic.id.text)"
            let version = try await fixture.service.send("GET", path, token: fixture.admin).headers[
                "etag"]
            return ["Charité", "Mitte"].map { name in
                { fixture in
                    try await fixture.service.send(
                        "PATCH", path, token: fixture.admin, body: #"{"name": "\#(name)"}"#,
                        headers: ["If-Match": version ?? ""]
                    ).told
                }
            }
        },
        Interleaving(
            "change a slot, delete it", ["ada", "ben"],
            allowed: [["200", "version_conflict"], ["slot_not_found", "204"]]
        ) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            return [
                { try await $0.change(slot, #"{"capacity": 2}"#).told },
                { try await $0.delete(slot).told },
            ]
        },
    ]
}

/// Letters for ids, by the order in which they are told.
private final class ShortNames: Sendable {
    private let known = Mutex<[String]>([])

    func name(of id: String) -> String {
        known.withLock { known in
            if !known.contains(id) { known.append(id) }
            return known.firstIndex(of: id) == 0 ? "A" : "B"
        }
    }
}
