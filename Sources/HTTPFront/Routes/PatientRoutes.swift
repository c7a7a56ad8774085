import Clinic
import FoundationEssentials
import HTTPTypes
import Hummingbird

extension HTTPFront {
    var patientRoutes: [Route] {
        let path = "/v1/clinics/{clinic}/patients"
        return [
            Route(.post, path, for: .staff) { call in
                let draft = try call.body(NewPatient.self).draft
                return try await answer(call) { once in
                    try await patients.createPatient(
                        draft, in: call.clinicID, by: call.author, once: once)
                } with: { patient in
                    .created(PatientRecord(patient: patient))
                }
            },
            Route(.get, path, for: .staff, query: ["query"] + Query.page) { call in
                try await ListPage(
                    patients.patients(
                        in: call.clinicID, matching: call.query.text("query", limit: 255),
                        call.query.page()),
                    of: call.query
                ).response(to: call)
            },
            Route(.get, path + "/{patient}", for: .staffAndPatients) { call in
                let id = try call.id("patient", orThrow: RecordError.patientNotFound)
                // Another patient's record is 404, like one that does not exist.
                if let own = call.caller?.patientID, own != id { throw RecordError.patientNotFound }
                let record = try await patients.record(of: id, in: call.clinicID)
                // No 304: a booking changes the record without a new version of the patient.
                return .changed(record)
            },
        ]
    }
}

private struct NewPatient: RequestMembers {
    static let names = ["name", "email", "phone", "birth_date"]

    let draft: PatientDraft

    init(from members: Members) throws {
        draft = try PatientDraft(
            name: members.text("name", limit: 200),
            email: members.optionalEmail("email"),
            phone: members.optionalText("phone", limit: 50),
            birthDate: members.text("birth_date", limit: 10),
            now: Date())
    }
}
