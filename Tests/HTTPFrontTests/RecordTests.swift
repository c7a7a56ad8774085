import Clinic
import FoundationEssentials
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting
import Testing

@Suite("A patient's record is written under a lock")
struct RecordTests {
    @Test("a visit: several requests under one lock, read as one record, each with its versions")
    func visit() async throws {
        try await withLocks { desk in
            let lock = try await desk.acquire(as: "ada", [desk.ann]).token
            let drug = try await desk.write(
                "POST", "prescriptions", lock, #"{"drug": "Ibuprofen", "dosage": "400 mg"}"#)
            #expect(drug.status == 201 && drug.headers["etag"] == "\"1\"")
            let insurance = try await desk.write(
                "POST", "insurances", lock,
                #"{"insurer": "AOK", "policy_number": "A 1", "valid_to": "2031-12-31"}"#)
            #expect(insurance.status == 201)
            let drugID = try #require(try drug.json["id"]?.text)
            let insuranceID = try #require(try insurance.json["id"]?.text)
            let changed = try await desk.write(
                "PATCH", "prescriptions/\(drugID)", lock, #"{"dosage": "600 mg"}"#)
            #expect(changed.status == 200 && changed.headers["etag"] == "\"2\"")
            #expect(try changed.json["drug"]?.text == "Ibuprofen")
            let unlimited = try await desk.write(
                "PATCH", "insurances/\(insuranceID)", lock, #"{"valid_to": null}"#)
            #expect(try unlimited.json["valid_to"] == .null)
            #expect(try unlimited.json["insurer"]?.text == "AOK")
            let renamed = try await desk.write(
                "PATCH", "", lock, #"{"name": "Ann B", "phone": "1"}"#)
            #expect(renamed.status == 200 && renamed.headers["etag"] == "\"6\"")

            let record = try await desk.record()
            #expect(try record == renamed.json)
            #expect(record["name"]?.text == "Ann B" && record["version"]?.integer == 6)
            #expect(record["prescriptions"]?.list == [try changed.json])
            #expect(record["insurances"]?.list == [try unlimited.json])

            #expect(try await desk.write("DELETE", "prescriptions/\(drugID)", lock).status == 204)
            let gone = try await desk.write("DELETE", "prescriptions/\(drugID)", lock)
            #expect(gone.problemCode == "prescription_not_found")
            let none = try await desk.write("DELETE", "insurances/\(UUID().text)", lock)
            #expect(none.problemCode == "insurance_not_found")
            #expect(try await desk.record()["prescriptions"]?.list == [])
            #expect(try await desk.record()["version"]?.integer == 7)
            #expect(try await Verification(store: desk.service.store).run().breaches.isEmpty)
        }
    }

    /// Every way to write to a record.
    static let writes = [
        ("PATCH", "", #"{"name": "B"}"#),
        ("POST", "prescriptions", #"{"drug": "A", "dosage": "B"}"#),
        ("PATCH", "prescriptions/DRUG", #"{"drug": "B"}"#), ("DELETE", "prescriptions/DRUG", nil),
        ("POST", "insurances", #"{"insurer": "A", "policy_number": "B"}"#),
        ("PATCH", "insurances/INSURANCE", #"{"insurer": "B"}"#),
        ("DELETE", "insurances/INSURANCE", nil),
    ]

    @Test("without a good lock nothing is written", arguments: writes)
    func guarded(method: String, path: String, body: String?) async throws {
        try await withLocks { desk in
            let ann = try #require(UUID(uuidString: desk.ann))
            let path =
                path
                .replacing("DRUG", with: try await desk.fixture.prescription(for: ann).id.text)
                .replacing("INSURANCE", with: try await desk.fixture.insurance(for: ann).id.text)
            let before = try await desk.record()
            func refusal(_ lock: String?) async throws -> String? {
                try await desk.write(method, path, lock, body, as: "ada").problemCode
            }
            #expect(try await refusal(nil) == "lock_required")
            #expect(try await refusal("nonsense") == "lock_lost")
            #expect(try await refusal(UUID().text) == "lock_lost")
            let other = try await desk.acquire(as: "ada", [desk.bob])
            #expect(try await refusal(other.token) == "lock_lost")
            let foreign = try await desk.acquire(as: "ben", [desk.ann])
            #expect(try await refusal(foreign.token) == "lock_lost")
            _ = try await desk.release(foreign.token, as: "ben")
            for onExpiry in ["release", "keep"] {
                let expired = try await desk.acquire(as: "ada", [desk.ann], onExpiry: onExpiry)
                try await desk.expire(expired)
                #expect(try await refusal(expired.token) == "lock_lost")
                _ = try await desk.release(expired.token, as: "ada")
            }
            #expect(try await desk.record() == before)
            #expect(try await Verification(store: desk.service.store).run().breaches.isEmpty)
        }
    }

    @Test("If-Match counts where it is sent: stale is 412, with what there is now")
    func versions() async throws {
        try await withLocks { desk in
            let lock = try await desk.acquire(as: "ada", [desk.ann]).token
            let drug = try await desk.write(
                "POST", "prescriptions", lock, #"{"drug": "A", "dosage": "B"}"#)
            let path = "prescriptions/\(try drug.json["id"]?.text ?? "")"
            let fresh = try await desk.write(
                "PATCH", path, lock, #"{"drug": "C"}"#, ifMatch: "\"1\"")
            #expect(fresh.status == 200)
            let before = try await desk.record()
            for (method, path, body) in [
                ("PATCH", path, #"{"drug": "D"}"#), ("DELETE", path, nil),
                ("PATCH", "", #"{"name": "D"}"#),
            ] {
                let stale = try await desk.write(method, path, lock, body, ifMatch: "\"1\"")
                #expect(stale.problemCode == "version_conflict")
                #expect(try stale.json["changed_by"]?.text == "ada")
                #expect(try stale.json["current"]?["version"]?.integer == (path.isEmpty ? 3 : 2))
            }
            // To add something changes the patient.
            let blind = try await desk.write(
                "POST", "insurances", lock, #"{"insurer": "A", "policy_number": "B"}"#,
                ifMatch: "\"2\"")
            #expect(blind.problemCode == "version_conflict")
            #expect(try blind.json["current"]?["version"]?.integer == 3)
            #expect(try await desk.record() == before)
            // As good as none, and not good at all.
            let any = try await desk.write("PATCH", "", lock, #"{"name": "E"}"#, ifMatch: "*")
            #expect(any.status == 200)
            let weak = try await desk.write(
                "PATCH", "", lock, #"{"name": "F"}"#, ifMatch: "W/\"4\"")
            #expect(weak.problemCode == "precondition_required")
        }
    }

    @Test("an e-mail address that another patient has is refused, and one's own in capitals is not")
    func emails() async throws {
        try await withLocks { desk in
            let lock = try await desk.acquire(as: "ada", [desk.ann]).token
            let taken = try await desk.write("PATCH", "", lock, #"{"email": "BOB@example.org"}"#)
            #expect(taken.problemCode == "patient_exists")
            // The lock comes first.
            let lost = try await desk.write(
                "PATCH", "", UUID().text, #"{"email": "BOB@example.org"}"#)
            #expect(lost.problemCode == "lock_lost")
            let own = try await desk.write("PATCH", "", lock, #"{"email": "ANN@example.org"}"#)
            #expect(own.status == 200)
            let none = try await desk.write("PATCH", "", lock, #"{"email": null}"#)
            #expect(try none.json["email"] == .null)
        }
    }

    @Test("a booking by staff under a lock: made while the lock is good, and not at all otherwise")
    func booking() async throws {
        try await withLocks { desk in
            let slots = try await desk.fixture.slots(2)
            func book(_ lock: String, _ slot: Int, as name: String = "ada") async throws -> Answer {
                try await desk.service.send(
                    "POST", desk.path("appointments"), token: try await desk.token(name),
                    body: #"{"slot_id": "\#(slots[slot].id.text)", "patient_id": "\#(desk.ann)"}"#,
                    headers: ["Lock-Token": lock])
            }
            let lock = try await desk.acquire(as: "ada", [desk.ann])
            #expect(try await book(lock.token, 0).status == 201)
            #expect(try await book(lock.token, 1, as: "ben").problemCode == "lock_lost")
            try await desk.expire(lock)
            #expect(try await book(lock.token, 1).problemCode == "lock_lost")
            let other = try await desk.acquire(as: "ada", [desk.bob])
            #expect(try await book(other.token, 1).problemCode == "lock_lost")
            #expect(try await desk.record()["appointments"]?.list?.count == 1)
        }
    }

    @Test(
        "what cannot be in a record is refused, and the member named",
        arguments: [
            ("prescriptions", #"{"drug": "A"}"#, "dosage"),
            ("prescriptions", #"{"drug": "", "dosage": "B"}"#, "drug"),
            (
                "prescriptions", #"{"drug": "A", "dosage": "B", "issued_on": "2026-02-30"}"#,
                "issued_on"
            ),
            ("prescriptions", #"{"drug": "A", "dosage": "B", "dose": 1}"#, "dose"),
            ("insurances", #"{"insurer": "A"}"#, "policy_number"),
            ("insurances", #"{"insurer": "A", "policy_number": "B", "valid_to": 1}"#, "valid_to"),
        ])
    func invalid(collection: String, body: String, member: String) async throws {
        try await withLocks { desk in
            let lock = try await desk.acquire(as: "ada", [desk.ann]).token
            let answer = try await desk.write("POST", collection, lock, body)
            #expect(answer.status == 422)
            #expect(try answer.json["member"]?.text == member)
        }
    }

    private func withLocks(_ body: @Sendable (LockDesk) async throws -> Void) async throws {
        try await withService { service in
            try await body(LockDesk(Fixture(service)))
        }
    }
}

extension LockDesk {
    /// Writes to Ann's record.
    fileprivate func write(
        _ method: String, _ path: String, _ lock: String?, _ body: String? = nil,
        as name: String = "ada", ifMatch: String? = nil
    ) async throws -> Answer {
        var headers: [String: String] = [:]
        headers["Lock-Token"] = lock
        headers["If-Match"] = ifMatch
        return try await service.send(
            method, self.path("patients/\(ann)\(path.isEmpty ? "" : "/")\(path)"),
            token: try await token(name), body: body, headers: headers)
    }

    fileprivate func record() async throws -> JSONValue {
        try await service.send("GET", path("patients/\(ann)"), token: admin).json
    }
}
