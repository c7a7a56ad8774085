import Clinic
import FoundationEssentials
import HTTPFront
import ServiceTesting

extension WireRequest {
    static let records = [
        WireRequest("POST patients") { _ in
            (
                "patients",
                """
                {"name": "Åsa", "email": "\(UUID().text)@example.org",
                "birth_date": "1968-02-29"}
                """, [:]
            )
        },
        WireRequest("POST locks") { fixture in
            let patient = try await fixture.ownPatients(1)[0].id.text
            return (
                "locks",
                #"{"targets": [{"type": "patient", "id": "\#(patient)"}], "reason": "a visit"}"#,
                [:]
            )
        },
        WireRequest("POST locks/{token}/renew") { fixture in
            let record = try await fixture.ownRecord()
            return ("locks/\(record.lock)/renew", nil, [:])
        },
        WireRequest("DELETE locks/{token}") { fixture in
            let record = try await fixture.ownRecord()
            return ("locks/\(record.lock)", nil, [:])
        },
        record("PATCH patients/{patient}", #"{"phone": "+49 30 901820"}"#),
        record("POST patients/{patient}/prescriptions", #"{"drug": "A", "dosage": "B"}"#),
        record(
            "PATCH patients/{patient}/prescriptions/{prescription}", #"{"dosage": "C"}"#,
            of: { try await $0.prescription(for: $1).id }),
        record(
            "DELETE patients/{patient}/prescriptions/{prescription}", nil,
            of: { try await $0.prescription(for: $1).id }),
        record(
            "POST patients/{patient}/insurances", #"{"insurer": "A", "policy_number": "B"}"#),
        record(
            "PATCH patients/{patient}/insurances/{insurance}", #"{"insurer": "C"}"#,
            of: { try await $0.insurance(for: $1).id }),
        record(
            "DELETE patients/{patient}/insurances/{insurance}", nil,
            of: { try await $0.insurance(for: $1).id }),
    ]

    /// A write to a record, or to a part of it, under a lock.
    private static func record(
        _ title: String, _ body: String?,
        of part: (@Sendable (Fixture, UUID) async throws -> UUID)? = nil
    ) -> WireRequest {
        WireRequest(title) { fixture in
            let patient = try await fixture.ownPatients(1)[0].id
            let id = try await part?(fixture, patient).text
            let lock = try await fixture.lock(patient, by: .receptionist).token.text
            let path = title.drop { $0 != " " }.dropFirst()
                .replacing("{patient}", with: patient.text)
                .replacing(#/{(prescription|insurance)}/#, with: id ?? "")
            return (String(path), body, ["Lock-Token": lock])
        }
    }
}

extension Fixture {
    /// A patient whose record a receptionist has locked.
    fileprivate func ownRecord() async throws -> (patient: UUID, lock: String) {
        let patient = try await ownPatients(1)[0].id
        return (patient, try await lock(patient, by: .receptionist).token.text)
    }
}
