import FoundationEssentials
import Postgres

/// A place with a calendar of its own, whose rules go by its time zone.
package struct Clinic: Hashable, Sendable {
    package let id: UUID
    package let name: String
    /// An IANA name: `Europe/Berlin`.
    package let timeZone: String
    package let version: Int
    package let createdAt: Date
}

extension Clinic: RowDecodable {
    static let columns: SQL = "id, name, time_zone, version, created_at"

    package init(row: inout Row) throws {
        id = try row.next()
        name = try row.next()
        timeZone = try row.next()
        version = try row.next()
        createdAt = try row.next()
    }
}
