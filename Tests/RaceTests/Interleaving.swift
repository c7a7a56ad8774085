import Clinic
import FoundationEssentials
import HTTPFront
import ServiceTesting
import Testing

/// Requests that conflict, and all that those who send them may be told, whoever is first.
struct Interleaving: Sendable {
    typealias Act = @Sendable (Fixture) async throws -> Answer

    let title: String
    /// Who acts, in the order of their acts.
    let names: [String]
    /// What each is told: a problem's code, or else a status.
    let allowed: Set<[String]>
    /// Makes the scene; its people and slots have nothing to do with those of other scenes.
    let prepare: @Sendable (Fixture) async throws -> [Act]
}

extension Interleaving: CustomTestStringConvertible {
    var testDescription: String { title }
}

extension Fixture {
    /// Slots behind one another that have nothing to do with any others.
    func ownSlots(_ count: Int) async throws -> [Slot] {
        try await slots(count, by: colleague())
    }

    /// Patients whom no other scene knows.
    func ownPatients(_ count: Int) async throws -> [Patient] {
        try await patients(count, named: "p\(UUID().text)-")
    }

    func change(_ slot: Slot, _ body: String) async throws -> Answer {
        try await send(
            "PATCH", "slots/\(slot.id.text)", as: admin, body, version: "\(slot.version)")
    }

    func delete(_ slot: Slot) async throws -> Answer {
        try await send("DELETE", "slots/\(slot.id.text)", as: admin, version: "\(slot.version)")
    }
}
