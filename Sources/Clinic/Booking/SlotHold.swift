import FoundationEssentials
import Postgres

/// A slot that waits for one patient, who fills in a form meanwhile.
package struct SlotHold: Hashable, Sendable {
    package let slotID: UUID
    package let patientID: UUID
    /// When it ends by itself.
    package let expiresAt: Date
    /// Whether the patient had it already.
    package let isRenewed: Bool

    /// What an `UPDATE slots` sets to end it.
    static let ended: SQL = "held_by = NULL, held_since = NULL, held_until = NULL"
}

/// A patient's wish to have a slot kept.
package struct HoldRequest: Hashable, Sendable {
    package let slotID: UUID
    package let patientID: UUID
    /// For how many seconds.
    package let lifetime: Int
    package let author: Author
    /// The lock on the patient's record under which it is made; nil if it needs none.
    package let lock: UUID?

    /// Seconds behind the first hold at which no renewal lasts any longer.
    static let limit = 900
    /// Live holds at the most that one patient has.
    static let holdsPerPatient = 20

    /// - Throws: ``InvalidInput`` unless it is for 5 to 900 seconds.
    package init(
        slotID: UUID, patientID: UUID, lifetime: Int, author: Author, lock: UUID? = nil
    ) throws(InvalidInput) {
        guard (5...Self.limit).contains(lifetime) else {
            throw InvalidInput("ttl_seconds", "must be between 5 and \(Self.limit)")
        }
        self.slotID = slotID
        self.patientID = patientID
        self.lifetime = lifetime
        self.author = author
        self.lock = lock
    }
}

/// Why a slot was not held, or is not held any more.
package enum HoldError: Error, Hashable, Sendable {
    /// It has several seats.
    case severalSeats
    /// The patient has as many holds as one may have.
    case tooManyHolds
    /// Nobody, or somebody else, holds it.
    case holdNotFound
}
