import FoundationEssentials
import Postgres

// The waitlist's own lock, an advisory one for each clinic. Whoever frees a seat has it shared, before it
// looks at who waits; whoever joins has it alone, looks for a free seat, and waits if there is none. So
// a seat and somebody who wants it cannot pass each other unseen. Whoever may free many seats has it alone,
// too: two who lock one waiting patient after the other would wait for each other.

extension Pipeline {
    /// Queues the wait until nobody is joining, and keeps them from it.
    func shareWaitlist(of clinicID: UUID) {
        execute("SELECT pg_advisory_xact_lock_shared(\(fragment: Self.waitlist(of: clinicID)))")
    }

    /// Queues the wait until nobody is joining or frees seats, and keeps them from it.
    func lockWaitlist(of clinicID: UUID) {
        execute("SELECT pg_advisory_xact_lock(\(fragment: Self.waitlist(of: clinicID)))")
    }

    private static func waitlist(of clinicID: UUID) -> SQL {
        "hashtextextended('waitlist ' || \(clinicID)::text, 0)"
    }
}
