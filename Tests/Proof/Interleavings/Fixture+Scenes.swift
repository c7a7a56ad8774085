import Clinic
import FoundationEssentials
import HTTPFront
import Postgres
import ServiceTesting

// What scenes are made of, and what people do in them besides the usual.

extension Fixture {
    /// Slots behind one another that have nothing to do with any others.
    func ownSlots(_ count: Int, capacity: Int = 1) async throws -> [Slot] {
        try await slots(count, capacity: capacity, by: colleague())
    }

    /// Patients whom no other scene knows.
    func ownPatients(_ count: Int) async throws -> [Patient] {
        try await patients(count, named: "p\(UUID().text)-")
    }

    /// Staff who lock the records of patients whom no other scene knows.
    func ownDesk() async throws -> LockDesk { try await LockDesk(self, prefix: UUID().text) }

    func change(_ slot: Slot, _ body: String) async throws -> Answer {
        try await send(
            "PATCH", "slots/\(slot.id.text)", as: admin, body, version: "\(slot.version)")
    }

    func delete(_ slot: Slot) async throws -> Answer {
        try await send("DELETE", "slots/\(slot.id.text)", as: admin, version: "\(slot.version)")
    }

    func endHold(of slot: Slot) async throws -> Answer {
        try await send("DELETE", "slots/\(slot.id.text)/hold")
    }

    /// Makes a slot that begins where another one of the same practitioner ends, or earlier.
    func makeSlot(behind slot: Slot, by practitioner: UUID, earlier: Double = 0) async throws
        -> Answer
    {
        let start = slot.endsAt.addingTimeInterval(-earlier)
        return try await send(
            "POST", "slots", as: admin,
            """
            {"practitioner_id": "\(practitioner.text)",
            "starts_at": "\(start.formatted(.iso8601))",
            "ends_at": "\(start.addingTimeInterval(900).formatted(.iso8601))"}
            """)
    }

    func register(_ email: String) async throws -> Answer {
        try await service.send(
            "POST", path("registrations"),
            body: #"{"name": "Åsa", "email": "\#(email)", "birth_date": "1968-02-29"}"#)
    }

    func admit(_ email: String) async throws -> Answer {
        try await send(
            "POST", "patients",
            as: nil, #"{"name": "Åsa", "email": "\#(email)", "birth_date": "1968-02-29"}"#)
    }

    /// Writes to a patient's record under a lock.
    /// - Parameter version: What it is to have; nil: any.
    func write(
        to patient: String, under lock: String, as name: String, version: Int? = nil
    ) async throws -> Answer {
        var headers = ["Lock-Token": lock]
        headers["If-Match"] = version.map { "\"\($0)\"" }
        return try await service.send(
            "PATCH", path("patients/\(patient)"),
            token: try await service.token(.receptionist, clinic: clinic.id, subject: name),
            body: #"{"phone": "+49 30 \#(Int.random(in: 100_000...999_999))"}"#,
            headers: headers)
    }

    /// Has a hold end while this has the slot's row, as somebody would who waited for it till then.
    func letTimePass(forHoldOn slot: Slot) async throws -> String {
        try await service.pool.transaction { tx in
            try tx.execute(
                "SELECT FROM slots WHERE clinic_id = \(clinic.id) AND id = \(slot.id) FOR UPDATE")
            tx.pipeline.execute(
                """
                UPDATE slots
                SET held_until = clock_timestamp() - interval '1 microsecond'
                WHERE clinic_id = \(clinic.id) AND id = \(slot.id)
                """)
        }
        return "over"
    }

    /// Has an offline lock's time end.
    func letTimePass(forLock token: String) async throws -> String {
        try await service.pool.transaction { tx in
            _ = tx.pipeline.execute(
                """
                UPDATE offline_locks
                SET expires_at = clock_timestamp() - interval '1 microsecond'
                WHERE clinic_id = \(clinic.id) AND token = \(token)::text::uuid
                """)
        }
        return "over"
    }

    /// When an offline lock's time is over.
    func end(ofLock token: String) async throws -> Date {
        try await service.pool.read { tx in
            tx.pipeline.one(
                Scalar<Date>.self,
                """
                SELECT expires_at
                FROM offline_locks
                WHERE clinic_id = \(clinic.id) AND token = \(token)::text::uuid
                """)
        }.value
    }

    /// Has an instance do what it does by itself now and then.
    /// - Returns: What went wrong, if anything did.
    func sweep(_ body: (Store) async throws -> Int) async -> String {
        do {
            _ = try await body(service.store)
            return "over"
        } catch {
            return "\(error)"
        }
    }

    /// Waits for a time, by the database's clock, and touches nothing.
    func await(_ time: Date) async throws -> String {
        try await service.pool.transaction { tx in
            _ = tx.pipeline.execute("SELECT pg_sleep_until(\(time))")
        }
        return "over"
    }
}

extension Author {
    /// The fixture's receptionist.
    static let receptionist = Author(
        subject: "receptionist@test", requestID: "fixture")
}
