import Clinic
import FoundationEssentials
import HTTPFront

/// A clinic with a practitioner, and the tokens of those who work there.
package struct Fixture: Sendable {
    package private(set) var service: Service
    package let clinic: Clinic
    package let practitioner: Practitioner
    package let admin: String
    package let receptionist: String

    /// What a test throws where something is to go wrong.
    package struct Mishap: Error {
        package init() {}
    }

    package static let author = Author(subject: "fixture", requestID: "fixture")

    /// Makes the clinic and its practitioner.
    package init(
        _ service: Service, named name: String = "Lindenhof", specialty: String = "dermatology",
        timeZone: String = "Europe/Berlin"
    ) async throws {
        let calendar = CalendarService(store: service.store)
        self.service = service
        clinic = try await calendar.createClinic(
            name: name, timeZone: timeZone, by: Self.author)
        practitioner = try await calendar.createPractitioner(
            name: "Dr. Ada Abel", specialty: specialty, in: clinic.id, by: Self.author)
        admin = try await service.token(.admin, clinic: clinic.id)
        receptionist = try await service.token(.receptionist, clinic: clinic.id)
    }

    /// The same clinic, on a service that was started since.
    package func moved(to service: Service) -> Fixture {
        var moved = self
        moved.service = service
        return moved
    }

    /// The path of one of the clinic's collections.
    package func path(_ collection: String) -> String {
        "/v1/clinics/\(clinic.id.text)/\(collection)"
    }

    /// Free slots of a quarter of an hour, one after the other, starting tomorrow.
    package func slots(
        _ count: Int, capacity: Int = 1, from start: Date = Date(timeIntervalSinceNow: 86_400),
        by practitioner: UUID? = nil
    ) async throws -> [Slot] {
        let start = Date(timeIntervalSince1970: start.timeIntervalSince1970.rounded())
        return try await CalendarService(store: service.store).createSlots(
            try (0..<count).map { number in
                let startsAt = start.addingTimeInterval(Double(number) * 900)
                return try SlotDraft(
                    practitionerID: practitioner ?? self.practitioner.id, startsAt: startsAt,
                    endsAt: startsAt.addingTimeInterval(900), capacity: capacity)
            },
            in: clinic.id, by: Self.author)
    }

    /// Another practitioner of the same specialty.
    package func colleague() async throws -> UUID {
        try await CalendarService(store: service.store).createPractitioner(
            name: "Dr. Bruno Brandt", specialty: practitioner.specialty, in: clinic.id,
            by: Self.author
        ).id
    }

    /// Patients with an e-mail address each.
    package func patients(_ count: Int, named name: String = "p") async throws -> [Patient] {
        try await PatientService(store: service.store).createPatients(
            try (0..<count).map { number in
                try PatientDraft(
                    name: "Patient \(number)", email: "\(name)\(number)@example.org", phone: nil,
                    birthDate: "1968-02-29", now: Date())
            },
            in: clinic.id, by: Self.author)
    }

    /// A patient whose address is `<name>@example.org`.
    package func patient(named name: String) async throws -> Patient {
        try await PatientService(store: service.store).createPatients(
            [
                PatientDraft(
                    name: name, email: "\(name)@example.org", phone: nil, birthDate: "1968-02-29",
                    now: Date())
            ],
            in: clinic.id, by: Self.author)[0]
    }

    /// Books so many slots, each for a patient of its own.
    package func bookings(_ count: Int) async throws {
        let booking = BookingService(store: service.store)
        let pairs = zip(try await slots(count), try await patients(count))
        try await withThrowingTaskGroup { group in
            for (slot, patient) in pairs {
                let request = BookingRequest(
                    slotID: slot.id, patientID: patient.id, reason: nil, author: Self.author)
                group.addTask { _ = try await booking.book(request, in: clinic.id) }
            }
            try await group.waitForAll()
        }
    }

    /// A lock on patients' records.
    package func lock(
        _ patients: UUID..., by holder: Author = Self.author, for seconds: Int = 900
    ) async throws -> OfflineLock {
        try await OfflineLockService(store: service.store).acquire(
            LockRequest(
                targets: patients.map { LockTarget(type: .patient, id: $0) }, reason: "a visit",
                lifetime: seconds),
            in: clinic.id, by: holder
        ).lock
    }

    /// A drug that a patient was prescribed.
    package func prescription(for patient: UUID) async throws -> Prescription {
        try await underLock(on: patient) { target, records in
            try await records.add(
                Prescription.Draft(drug: "Ibuprofen", dosage: "400 mg", issuedOn: nil), to: target)
        }
    }

    /// Who pays for a patient's treatment.
    package func insurance(for patient: UUID) async throws -> Insurance {
        try await underLock(on: patient) { target, records in
            try await records.add(
                Insurance.Draft(insurer: "AOK", policyNumber: "A1", validTo: nil), to: target)
        }
    }

    private func underLock<Result: Sendable>(
        on patient: UUID,
        _ body: @escaping @Sendable (RecordTarget, PatientService) async throws -> Result
    ) async throws -> Result {
        try await OfflineLockService(store: service.store).withOfflineLock(
            on: [LockTarget(type: .patient, id: patient)], holder: Self.author, reason: "a test",
            in: clinic.id
        ) { claim in
            try await body(
                RecordTarget(patient, in: clinic.id, under: claim.token, by: Self.author),
                PatientService(store: service.store))
        }
    }

    /// A patient's wish for an appointment at a time for which there are no slots.
    package func waiting(_ patient: UUID) async throws -> WaitlistEntry {
        try await WaitlistService(store: service.store).join(
            WaitlistRequest(
                patientID: patient, practitionerID: nil,
                from: Date(timeIntervalSinceNow: 1e9), to: Date(timeIntervalSinceNow: 1.1e9),
                author: Self.author),
            in: clinic.id)
    }

    /// A request to become a patient.
    package func registration(
        _ email: String = "\(UUID().text)@example.org"
    ) async throws -> Registration {
        try await AdminService(store: service.store).register(
            PatientDraft(
                name: "Åsa Lindqvist", email: email, phone: nil, birthDate: "1968-02-29",
                now: Date()),
            in: clinic.id, by: Self.author)
    }

    /// An administrator of that name.
    package func admin(_ subject: String) async throws -> String {
        try await service.token(.admin, clinic: clinic.id, subject: subject)
    }

    /// Asks for a slot as the patient itself.
    package func book(
        _ slot: UUID, as patient: Patient, key: String? = nil
    ) async throws -> Answer {
        try await service.send(
            "POST", path("appointments"),
            token: try await service.token(.patient, clinic: clinic.id, patient: patient.id),
            body: #"{"slot_id": "\#(slot.text)"}"#,
            headers: key.map { ["Idempotency-Key": $0] } ?? [:])
    }
}
