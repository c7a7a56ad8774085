import Clinic
import Foundation
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting

/// A clinic that has seats enough for everybody who comes, and what is in its books.
struct LoadScene: Sendable {
    let clinic: UUID
    let slots: [UUID]
    /// Each comes once.
    let patients: [UUID]
    let desk: String

    private static let day: TimeInterval = 86_400

    /// Makes it.
    /// - Parameter patients: How many there are.
    init(in service: Service, patients: Int) async throws {
        let fixture = try await Fixture(service)
        let (count, most) = (20, 1000)
        var slots: [UUID] = []
        for _ in 0..<count {
            slots += try await fixture.slots(
                1, capacity: most, from: Date(timeIntervalSinceNow: Self.day),
                by: fixture.colleague()
            ).map(\.id)
        }
        precondition(patients <= count * most, "there are no seats for so many")
        let all = PatientService(store: service.store)
        var ids: [UUID] = []
        while ids.count < patients {
            let drafts = try (ids.count..<min(patients, ids.count + 1000)).map { number in
                try PatientDraft(
                    name: "Patient \(number)", email: nil, phone: nil, birthDate: "1968-02-29",
                    now: Date())
            }
            ids += try await all.createPatients(drafts, in: fixture.clinic.id, by: Fixture.author)
                .map(\.id)
        }
        self.slots = slots
        self.patients = ids
        clinic = fixture.clinic.id
        desk = try await service.token(.receptionist, clinic: clinic, lifetime: Self.day)
    }

    /// All appointments that there are.
    func booked(in database: TestDatabase) async throws -> [BookingLoad.Acknowledgement] {
        try await database.owner.read { [clinic] tx in
            tx.pipeline.all(
                BookedRow.self,
                "SELECT id, slot_id, patient_id FROM appointments WHERE clinic_id = \(clinic)")
        }.map(\.row)
    }
}

private struct BookedRow: RowDecodable {
    let row: BookingLoad.Acknowledgement

    init(row: inout Row) throws {
        self.row = BookingLoad.Acknowledgement(
            appointment: try row.next(), slot: try row.next(), patient: try row.next())
    }
}
