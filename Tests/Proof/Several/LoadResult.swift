import Clinic
import PostgresTesting
import ServiceTesting

/// What was acknowledged, held against what is there.
package struct LoadResult: Sendable {
    package let acknowledged: Int
    /// Requests that were sent again, under their key.
    package let retries: Int
    /// Acknowledged, and not there.
    package let lost: Int
    /// There, and acknowledged to nobody, or beside another one of the same patient's.
    package let doubled: Int
    /// Told for good that it cannot be, although there was a seat for everybody.
    package let refused: [String]
    /// What breaks a rule.
    package let breaches: [String]

    package var isGood: Bool {
        lost == 0 && doubled == 0 && refused.isEmpty && breaches.isEmpty
    }

    /// Asks when nobody books any more.
    init(of load: BookingLoad, _ scene: LoadScene, in database: TestDatabase) async throws {
        let told = load.acknowledged
        let booked = try await scene.booked(in: database)
        acknowledged = told.count
        retries = load.retries
        lost = Set(told).subtracting(booked).count
        doubled =
            Set(booked).subtracting(told).count + booked.count - Set(booked.map(\.patient)).count
        refused = load.refused
        breaches = try await withService(on: database, database.service) { service in
            try await Verification(store: service.store).run().breaches.map {
                "\($0.rule) \($0.row)"
            }
        }
    }
}

extension LoadResult: CustomStringConvertible {
    package var description: String {
        "\(acknowledged) acknowledged, \(lost) lost, \(doubled) doubled, \(refused.count) refused, "
            + "\(breaches.count) breaches, \(retries) requests sent again"
    }
}
