import Clinic
import FoundationEssentials
import HTTPFront
import Postgres
import PostgresTesting

// What patients and staff do with appointments, over HTTP.

extension Fixture {
    /// The token of the patient itself.
    package func token(of patient: Patient) async throws -> String {
        try await service.token(.patient, clinic: clinic.id, patient: patient.id)
    }

    /// Sends a request to one of the clinic's paths, as staff unless a token is given.
    package func send(
        _ method: String, _ path: String, as token: String? = nil, _ body: String? = nil,
        key: String? = nil, version: String? = nil
    ) async throws -> Answer {
        var headers: [String: String] = [:]
        headers["Idempotency-Key"] = key
        headers["If-Match"] = version.map { "\"\($0)\"" }
        return try await service.send(
            method, self.path(path), token: token ?? receptionist, body: body, headers: headers)
    }

    /// Books as staff.
    /// - Returns: The appointment's id.
    package func booked(_ slot: Slot, for patient: Patient) async throws -> String {
        let answer = try await send(
            "POST", "appointments",
            as: nil, #"{"slot_id": "\#(slot.id.text)", "patient_id": "\#(patient.id.text)"}"#)
        guard let id = try answer.json["id"]?.text, answer.status == 201 else { throw Mishap() }
        return id
    }

    package func cancel(_ appointment: String, as token: String? = nil) async throws -> Answer {
        try await send("POST", "appointments/\(appointment)/cancel", as: token)
    }

    package func move(
        _ appointment: String, to slot: Slot, as token: String? = nil
    ) async throws -> Answer {
        try await send(
            "POST", "appointments/\(appointment)/reschedule", as: token,
            #"{"slot_id": "\#(slot.id.text)"}"#)
    }

    package func hold(
        _ slot: Slot, for patient: Patient, seconds: Int = 120
    ) async throws -> Answer {
        try await send(
            "POST", "slots/\(slot.id.text)/hold",
            as: nil, #"{"patient_id": "\#(patient.id.text)", "ttl_seconds": \#(seconds)}"#)
    }

    /// Joins the waitlist for whatever starts from one slot's start on and before another one's end.
    package func wait(
        _ patient: Patient, from first: Slot, to last: Slot? = nil,
        practitioner: UUID? = nil
    ) async throws -> Answer {
        let practitioner = practitioner.map { #""practitioner_id": "\#($0.text)","# } ?? ""
        return try await send(
            "POST", "waitlist", as: nil,
            """
            {"patient_id": "\(patient.id.text)", \(practitioner)
            "from": "\(first.startsAt.formatted(.iso8601))",
            "to": "\((last ?? first).endsAt.formatted(.iso8601))"}
            """)
    }

    /// Arranges time off for the practitioner.
    package func timeOff(
        _ start: Date, _ end: Date, of practitioner: UUID? = nil
    ) async throws -> Answer {
        try await send(
            "POST", "time-off", as: admin,
            """
            {"practitioner_id": "\((practitioner ?? self.practitioner.id).text)",
            "starts_at": "\(start.formatted(.iso8601))", "ends_at": "\(end.formatted(.iso8601))"}
            """)
    }

    /// A slot as it is now.
    package func now(_ slot: Slot) async throws -> Slot {
        try await CalendarService(store: service.store).slot(slot.id, in: clinic.id)
    }

    /// An entry of the waitlist as it is now.
    package func entry(_ answer: Answer) async throws -> WaitlistEntry {
        guard let id = try answer.json["id"]?.text.flatMap(UUID.init(uuidString:)) else {
            throw Mishap()
        }
        return try await WaitlistService(store: service.store).entry(id, in: clinic.id)
    }

    /// The active appointments of a slot, by seat.
    package func appointments(in slot: Slot) async throws -> [Appointment] {
        try await BookingService(store: service.store).appointments(
            in: clinic.id, where: AppointmentFilter(), PageRequest(limit: 200)
        ).items.filter { $0.slotID == slot.id && $0.status != .cancelled }
    }

    /// Has time pass: a slot and its appointments begin so many seconds from now.
    package func shift(_ slot: Slot, toStartIn seconds: Int) async throws {
        try await service.database.owner.transaction { tx in
            tx.pipeline.execute(
                """
                UPDATE slots
                SET starts_at = clock_timestamp() + \(seconds) * interval '1 second',
                    ends_at = clock_timestamp() + (\(seconds) + 900) * interval '1 second'
                WHERE clinic_id = \(clinic.id) AND id = \(slot.id)
                """)
            try tx.execute(
                """
                UPDATE appointments
                SET starts_at = slots.starts_at, ends_at = slots.ends_at
                FROM slots
                WHERE slots.clinic_id = \(clinic.id)
                    AND slots.id = \(slot.id)
                    AND appointments.clinic_id = slots.clinic_id
                    AND appointments.slot_id = slots.id
                """)
        }
    }

    /// Has a hold's time be over, as time would.
    package func endTime(ofHoldOn slot: Slot) async throws {
        try await service.database.owner.transaction { tx in
            try tx.execute(
                """
                UPDATE slots
                SET held_until = clock_timestamp() - interval '1 microsecond'
                WHERE clinic_id = \(clinic.id) AND id = \(slot.id)
                """)
        }
    }

    /// What breaks a rule, whatever happened before.
    package func breaches() async throws -> [String] {
        try await Verification(store: service.store).run().breaches.map { "\($0.rule) \($0.row)" }
    }
}

extension Answer {
    /// Of whatever it shows.
    package var id: String {
        get throws { try json["id"]?.text ?? "none" }
    }
}
