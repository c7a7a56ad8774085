import Clinic
import Foundation
import HTTPFront
import ServiceTesting

/// The clinic in which a fault run takes place, as its clients know it.
struct FaultScene: Sendable {
    struct Place: Sendable {
        let id: UUID
        let practitioner: UUID
        let startsAt: Date
        let endsAt: Date
        let capacity: Int
    }

    let clinic: UUID
    let slots: [Place]
    /// One for each instance, at which nobody else is: to see whether it serves.
    let probes: [UUID]
    let patients: [UUID]
    let desk: String
    let admins: [String]

    private static let month: TimeInterval = 30 * 86_400

    /// Makes it: 600 slots of 20 practitioners, most of one seat, some of 3 and a few of 12.
    init(in service: Service) async throws {
        let fixture = try await Fixture(service)
        var places: [Place] = []
        // At one time for all of them: whoever is busy at one is busy at the others.
        let morning = Date(timeIntervalSinceNow: 86_400)
        for _ in 0..<20 {
            let practitioner = try await fixture.colleague()
            var start = morning
            for (capacity, count) in [(1, 24), (3, 5), (12, 1)] {
                let made = try await fixture.slots(
                    count, capacity: capacity, from: start, by: practitioner)
                places += made.map {
                    Place(
                        id: $0.id, practitioner: practitioner, startsAt: $0.startsAt,
                        endsAt: $0.endsAt, capacity: capacity)
                }
                start = made[count - 1].endsAt
            }
        }
        slots = places
        probes = try await fixture.slots(2, from: Date(timeIntervalSinceNow: Self.month)).map(\.id)
        // Mail costs more than bookings: few have an address.
        let drafts = try (0..<400).map { number in
            try PatientDraft(
                name: "Patient \(number)", email: number < 8 ? "p\(number)@example.org" : nil,
                phone: nil, birthDate: "1968-02-29", now: Date())
        }
        patients = try await PatientService(store: service.store).createPatients(
            drafts, in: fixture.clinic.id, by: Fixture.author
        ).map(\.id)
        clinic = fixture.clinic.id
        // The clock of an instance may be days off.
        desk = try await service.token(.receptionist, clinic: clinic, lifetime: Self.month)
        var admins: [String] = []
        for name in ["ada", "ben"] {
            admins.append(
                try await service.token(
                    .admin, clinic: clinic, subject: name, lifetime: Self.month))
        }
        self.admins = admins
    }
}
