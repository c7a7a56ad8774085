import Clinic
import FoundationEssentials
import HTTPFront
import ServiceTesting

extension WireRequest {
    static let booking = [
        WireRequest("POST appointments") { fixture in
            let slot = try await fixture.ownSlots(1)[0].id.text
            let patient = try await fixture.ownPatients(1)[0].id.text
            return (
                "appointments", #"{"slot_id": "\#(slot)", "patient_id": "\#(patient)"}"#, [:]
            )
        },
        WireRequest("POST appointments/{appointment}/cancel") { fixture in
            let id = try await fixture.ownAppointment().id
            return ("appointments/\(id)/cancel", nil, [:])
        },
        WireRequest("POST appointments/{appointment}/reschedule") { fixture in
            let (id, other) = try await fixture.ownAppointment()
            return (
                "appointments/\(id)/reschedule", #"{"slot_id": "\#(other.id.text)"}"#, [:]
            )
        },
        WireRequest("POST appointments/{appointment}/status") { fixture in
            let id = try await fixture.ownAppointment().id
            return ("appointments/\(id)/status", #"{"status": "arrived"}"#, ifFirst)
        },
        WireRequest("POST slots/{slot}/hold") { fixture in
            let slot = try await fixture.ownSlots(1)[0].id.text
            let patient = try await fixture.ownPatients(1)[0].id.text
            return ("slots/\(slot)/hold", #"{"patient_id": "\#(patient)"}"#, [:])
        },
        WireRequest("DELETE slots/{slot}/hold") { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            _ = try await fixture.hold(slot, for: fixture.ownPatients(1)[0])
            return ("slots/\(slot.id.text)/hold", nil, [:])
        },
        WireRequest("POST waitlist") { fixture in
            let patient = try await fixture.ownPatients(1)[0].id.text
            return (
                "waitlist",
                """
                {"patient_id": "\(patient)", "from": "2150-01-01T00:00:00Z",
                "to": "2150-01-02T00:00:00Z"}
                """, [:]
            )
        },
        WireRequest("DELETE waitlist/{entry}") { fixture in
            let entry = try await fixture.waiting(fixture.ownPatients(1)[0].id)
            return ("waitlist/\(entry.id.text)", nil, [:])
        },
    ]
}

extension Fixture {
    /// An appointment, and a slot to which it may move.
    fileprivate func ownAppointment() async throws -> (id: String, other: Slot) {
        let slots = try await ownSlots(2)
        return (try await booked(slots[0], for: ownPatients(1)[0]), slots[1])
    }
}
