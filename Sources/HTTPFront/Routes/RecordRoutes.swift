import Clinic
import FoundationEssentials
import HTTPTypes
import Hummingbird

extension HTTPFront {
    /// What is written to a patient's record, each under the lock that `Lock-Token` names.
    var recordRoutes: [Route] {
        let patient = "/v1/clinics/{clinic}/patients/{patient}"
        return [
            Route(.patch, patient, for: .staff) { call in
                let target = try call.recordTarget
                let changes = try call.body(PatientPatch.self).changes
                let record = try await patients.change(target, changes)
                return .changed(record)
            }
        ]
            + itemRoutes(
                patient + "/prescriptions", "prescription", NewPrescription.self,
                PrescriptionPatch.self)
            + itemRoutes(
                patient + "/insurances", "insurance", NewInsurance.self, InsurancePatch.self)
    }

    /// Adding to, changing of and removing from one of a record's collections.
    private func itemRoutes<New: NewItem, Patch: ItemPatch>(
        _ collection: String, _ parameter: String, _ new: New.Type, _ patch: Patch.Type
    ) -> [Route] where New.Draft.Item == Patch.Changes.Item, New.Draft.Item: Resource {
        typealias Item = New.Draft.Item
        let one = "\(collection)/{\(parameter)}"
        return [
            Route(.post, collection, for: .staff) { call in
                let target = try call.recordTarget
                let draft = try call.body(New.self).draft
                return try await answer(call) { once in
                    try await patients.add(draft, to: target, once: once)
                } with: {
                    .created($0)
                }
            },
            Route(.patch, one, for: .staff) { call in
                let target = try call.recordTarget
                let id = try call.id(parameter, orThrow: Item.notFound)
                let changed = try await patients.change(
                    id, call.body(Patch.self).changes, of: target)
                return .changed(changed)
            },
            Route(.delete, one, for: .staff) { call in
                let target = try call.recordTarget
                let id = try call.id(parameter, orThrow: Item.notFound)
                return try await answer(call) { once in
                    try await patients.remove(Item.self, id, from: target, once: once)
                } with: {
                    .noContent
                }
            },
        ]
    }
}

/// The body that makes an item of a record.
private protocol NewItem: RequestMembers {
    associatedtype Draft: RecordItemContent

    var draft: Draft { get }
}

/// The body that changes an item of a record.
private protocol ItemPatch: RequestMembers {
    associatedtype Changes: RecordItemChanges

    var changes: Changes { get }
}

private struct PatientPatch: RequestMembers {
    static let names = ["name", "email", "phone", "birth_date"]

    let changes: PatientChanges

    init(from members: Members) throws {
        try members.requireOne()
        changes = PatientChanges(
            name: try members.replacement("name", limit: 200),
            email: try members.optionalReplacementEmail("email"),
            phone: try members.optionalReplacement("phone", limit: 50),
            birthDate: try members.replacement("birth_date", limit: 10).map {
                try PatientDraft.birthDate($0, now: Date())
            })
    }
}

private struct NewPrescription: NewItem {
    static let names = ["drug", "dosage", "issued_on"]

    let draft: Prescription.Draft

    init(from members: Members) throws {
        draft = try Prescription.Draft(
            drug: members.text("drug", limit: 200),
            dosage: members.text("dosage", limit: 200),
            issuedOn: members.optionalText("issued_on", limit: 10))
    }
}

private struct PrescriptionPatch: ItemPatch {
    static let names = NewPrescription.names

    let changes: Prescription.Changes

    init(from members: Members) throws {
        try members.requireOne()
        changes = try Prescription.Changes(
            drug: members.replacement("drug", limit: 200),
            dosage: members.replacement("dosage", limit: 200),
            issuedOn: members.replacement("issued_on", limit: 10))
    }
}

private struct NewInsurance: NewItem {
    static let names = ["insurer", "policy_number", "valid_to"]

    let draft: Insurance.Draft

    init(from members: Members) throws {
        draft = try Insurance.Draft(
            insurer: members.text("insurer", limit: 200),
            policyNumber: members.text("policy_number", limit: 100),
            validTo: members.optionalText("valid_to", limit: 10))
    }
}

private struct InsurancePatch: ItemPatch {
    static let names = NewInsurance.names

    let changes: Insurance.Changes

    init(from members: Members) throws {
        try members.requireOne()
        changes = try Insurance.Changes(
            insurer: members.replacement("insurer", limit: 200),
            policyNumber: members.replacement("policy_number", limit: 100),
            validTo: members.optionalReplacement("valid_to", limit: 10))
    }
}
