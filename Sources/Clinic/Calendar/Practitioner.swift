import FoundationEssentials
import Postgres

/// Somebody whose time is booked.
package struct Practitioner: Hashable, Sendable {
    package let id: UUID
    package let clinicID: UUID
    package let name: String
    package let specialty: String
    package let version: Int
    package let createdAt: Date
}

extension Practitioner: RowDecodable {
    static let columns: SQL = "id, clinic_id, name, specialty, version, created_at"

    package init(row: inout Row) throws {
        id = try row.next()
        clinicID = try row.next()
        name = try row.next()
        specialty = try row.next()
        version = try row.next()
        createdAt = try row.next()
    }
}
