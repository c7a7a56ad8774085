import FoundationEssentials
import Logging
import Postgres
import PostgresTesting

@testable import Clinic

/// A clinic with a dermatologist, and the services that act on it.
struct TestClinic: Sendable {
    static let author = Author(subject: "test", requestID: "test")

    let id: UUID
    let dermatologist: UUID
    let calendar: CalendarService
    let booking: BookingService
    let desk: BookingDesk
    let patientService: PatientService

    init(_ db: TestDatabase) async throws {
        let store = Store(database: db.service, environment: .test)
        calendar = CalendarService(store: store)
        booking = BookingService(store: store)
        desk = BookingDesk(store: store)
        patientService = PatientService(store: store)
        id = try await calendar.createClinic(
            name: "Lindenhof", timeZone: "Europe/Berlin", by: Self.author
        ).id
        dermatologist = try await calendar.createPractitioner(
            name: "Dr. Ada Abel", specialty: "dermatology", in: id, by: Self.author
        ).id
    }

    func practitioner(specialty: String) async throws -> UUID {
        try await calendar.createPractitioner(
            name: "Dr. Bruno Brandt", specialty: specialty, in: id, by: Self.author
        ).id
    }

    /// Slots of a quarter of an hour, one after the other, from the given day on.
    func slots(
        _ count: Int, by practitioner: UUID? = nil, capacity: Int = 1, startingIn days: Double = 1
    ) async throws -> [Slot] {
        let start = Date(
            timeIntervalSince1970: (Date().timeIntervalSince1970 / 900).rounded() * 900
                + days * 86_400)
        return try await calendar.createSlots(
            try (0..<count).map { number in
                let startsAt = start.addingTimeInterval(Double(number) * 900)
                return try SlotDraft(
                    practitionerID: practitioner ?? dermatologist, startsAt: startsAt,
                    endsAt: startsAt.addingTimeInterval(900), capacity: capacity)
            },
            in: id, by: Self.author)
    }

    func patients(_ count: Int) async throws -> [UUID] {
        try await patientService.createPatients(
            try (0..<count).map { number in
                try PatientDraft(
                    name: "Patient \(number)", email: "p\(number)@example.org", phone: nil,
                    birthDate: "1968-02-29", now: Date())
            },
            in: id, by: Self.author
        ).map(\.id)
    }

    func booking(_ slot: UUID, for patient: UUID) -> Booking {
        Booking(request(slot, for: patient), newID: booking.store.newID)
    }

    func request(_ slot: UUID, for patient: UUID) -> BookingRequest {
        BookingRequest(
            slotID: slot, patientID: patient, reason: nil,
            author: Author(subject: "ann", requestID: "request-1"))
    }
}

extension ServiceEnvironment {
    static let test = ServiceEnvironment(
        logger: Logger(label: "test"), batchPatience: nil)
}
