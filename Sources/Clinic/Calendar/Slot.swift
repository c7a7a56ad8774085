import FoundationEssentials
import Postgres

/// A stretch of a practitioner's time that can be booked by as many patients as it has seats.
package struct Slot: Hashable, Sendable {
    package let id: UUID
    package let clinicID: UUID
    package let practitionerID: UUID
    package let startsAt: Date
    package let endsAt: Date
    package let capacity: Int
    package let booked: Int
    /// As of the moment of reading: a hold that has expired shows as `free`.
    package let status: SlotStatus
    /// When the hold ends that was live at the moment of reading; nil if none was.
    package let heldUntil: Date?
    package let version: Int
}

/// FHIR's slot status. Source: HL7 FHIR R5, `SlotStatus`.
package enum SlotStatus: String, CaseIterable, Sendable, PostgresEncodable, PostgresDecodable {
    case free
    /// Every seat is taken.
    case busy
    /// Held for one patient for a few minutes.
    case busyTentative = "busy-tentative"
    /// Blocked by the clinic.
    case busyUnavailable = "busy-unavailable"
}

extension Slot: RowDecodable {
    /// The status as the clock has it: holds end without a write. Of a table called `slots`.
    static let liveStatus: SQL = """
        CASE
            WHEN slots.status = 'busy-tentative' AND slots.held_until <= clock_timestamp() THEN 'free'
            ELSE slots.status
        END
        """

    /// Of a table called `slots`.
    static let columns: SQL = """
        slots.id,
        slots.clinic_id,
        slots.practitioner_id,
        slots.starts_at,
        slots.ends_at,
        slots.capacity,
        slots.booked,
        \(fragment: liveStatus),
        CASE WHEN slots.held_until > clock_timestamp() THEN slots.held_until END,
        slots.version
        """

    package init(row: inout Row) throws {
        id = try row.next()
        clinicID = try row.next()
        practitionerID = try row.next()
        startsAt = try row.next()
        endsAt = try row.next()
        capacity = try row.next()
        booked = try row.next()
        status = try row.next()
        heldUntil = try row.next()
        version = try row.next()
    }
}
