import Clinic
import Foundation
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting
import Testing

@Suite("Patients who wait for a seat")
struct WaitlistTests {
    @Test("joining while a seat is free: the earliest that the patient can have, at once")
    func joinedAtOnce() async throws {
        try await withFixture { fixture, slots, patients in
            _ = try await fixture.booked(slots[0], for: patients[1])
            let colleague = try await fixture.colleague()
            let parallel = try await fixture.slots(1, from: slots[1].startsAt, by: colleague)[0]
            // The patient has something else at the time of the second slot.
            _ = try await fixture.booked(parallel, for: patients[0])
            let answer = try await fixture.wait(
                patients[0], from: slots[0], to: slots[3],
                practitioner: fixture.practitioner.id)
            #expect(answer.status == 201)
            #expect(try answer.json["status"] == .string("promoted"))
            let made = try #require(try await fixture.appointments(in: slots[2]).first)
            #expect(made.patientID == patients[0].id)
            #expect(try answer.json["appointment_id"] == .string(made.id.text))
            #expect(try await fixture.breaches() == [])
        }
    }

    /// What frees a seat.
    struct Freeing: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Makes the only slot unavailable, and gives what ends that.
        let close:
            @Sendable (Fixture, Slot, [Patient]) async throws ->
                @Sendable () async throws ->
                Answer
    }

    static let freeings = [
        Freeing(testDescription: "a cancellation") { fixture, slot, patients in
            let id = try await fixture.booked(slot, for: patients[0])
            return { try await fixture.cancel(id) }
        },
        Freeing(testDescription: "a move") { fixture, slot, patients in
            let id = try await fixture.booked(slot, for: patients[0])
            let other = try await fixture.slots(1, from: slot.startsAt.addingTimeInterval(86_400))
            return { try await fixture.move(id, to: other[0]) }
        },
        Freeing(testDescription: "the end of a hold") { fixture, slot, patients in
            _ = try await fixture.hold(slot, for: patients[0])
            return { try await fixture.send("DELETE", "slots/\(slot.id.text)/hold") }
        },
        Freeing(testDescription: "an administrator who unblocks it") { fixture, slot, _ in
            _ = try await fixture.send(
                "PATCH", "slots/\(slot.id.text)", as: fixture.admin,
                #"{"status": "busy-unavailable"}"#, version: "1")
            return {
                try await fixture.send(
                    "PATCH", "slots/\(slot.id.text)", as: fixture.admin, #"{"status": "free"}"#,
                    version: "2")
            }
        },
        Freeing(testDescription: "an administrator who adds a seat") { fixture, slot, patients in
            _ = try await fixture.booked(slot, for: patients[0])
            return {
                try await fixture.send(
                    "PATCH", "slots/\(slot.id.text)", as: fixture.admin, #"{"capacity": 2}"#,
                    version: "2")
            }
        },
        Freeing(testDescription: "the end of time off") { fixture, slot, _ in
            let timeOff = try await fixture.timeOff(slot.startsAt, slot.endsAt)
            let id = try timeOff.id
            return { try await fixture.send("DELETE", "time-off/\(id)", as: fixture.admin) }
        },
        Freeing(testDescription: "a slot that is made anew") { fixture, slot, _ in
            _ = try await fixture.send(
                "DELETE", "slots/\(slot.id.text)", as: fixture.admin, version: "1")
            return {
                try await fixture.send(
                    "POST", "slots", as: fixture.admin,
                    """
                    {"practitioner_id": "\(fixture.practitioner.id.text)",
                    "starts_at": "\(slot.startsAt.formatted(.iso8601))",
                    "ends_at": "\(slot.endsAt.formatted(.iso8601))"}
                    """)
            }
        },
    ]

    @Test("whatever frees a seat gives it away in the same change", arguments: freeings)
    func promoted(_ freeing: Freeing) async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let slot = try await fixture.slots(1)[0]
            let patients = try await fixture.patients(3)
            let free = try await freeing.close(fixture, slot, patients)
            let first = try await fixture.wait(patients[1], from: slot)
            let second = try await fixture.wait(patients[2], from: slot)
            #expect(try await fixture.entry(first).status == .waiting)

            let answer = try await free()
            #expect((200..<300).contains(answer.status), "\(answer.body)")
            let entry = try await fixture.entry(first)
            #expect(entry.status == .promoted && entry.version == 2)
            #expect(try await fixture.entry(second).status == .waiting)
            let appointment = try await fixture.send(
                "GET", "appointments/\(entry.appointmentID?.text ?? "none")")
            #expect(try appointment.json["patient_id"] == .string(patients[1].id.text))
            let messages = try await fixture.send("GET", "messages", as: fixture.admin)
            let subjects = try messages.json["items"]?.list?.filter {
                $0["recipient"] == .string("p1@example.org")
            }
            #expect(subjects?.map { $0["kind"] } == [.string("appointment.booked")])
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("an answer about a slot tells of the seat that was given away")
    func answered() async throws {
        try await withFixture { fixture, slots, patients in
            _ = try await fixture.booked(slots[0], for: patients[0])
            _ = try await fixture.wait(patients[1], from: slots[0])
            let answer = try await fixture.send(
                "PATCH", "slots/\(slots[0].id.text)", as: fixture.admin, #"{"capacity": 2}"#,
                version: "2")
            #expect(try answer.json["booked"] == .number(2))
            #expect(try answer.json["status"] == .string("busy"))
            #expect(answer.headers["etag"] == "\"4\"")
        }
    }

    @Test("who is busy then is passed over and waits on, and has it when that is no more")
    func passedOver() async throws {
        try await withFixture { fixture, slots, patients in
            let colleague = try await fixture.colleague()
            let parallel = try await fixture.slots(1, from: slots[0].startsAt, by: colleague)[0]
            let wanted = try await fixture.booked(slots[0], for: patients[0])
            let other = try await fixture.booked(parallel, for: patients[1])
            let entry = try await fixture.wait(
                patients[1], from: slots[0], practitioner: fixture.practitioner.id)
            #expect(try await fixture.cancel(wanted).status == 200)
            #expect(try await fixture.entry(entry).status == .waiting)
            #expect(try await fixture.now(slots[0]).status == .free)

            #expect(try await fixture.cancel(other).status == 200)
            #expect(try await fixture.entry(entry).status == .promoted)
            #expect(try await fixture.now(slots[0]).status == .busy)
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("passed over for the next one, who can")
    func passedOverForTheNext() async throws {
        try await withFixture { fixture, slots, patients in
            let colleague = try await fixture.colleague()
            let parallel = try await fixture.slots(1, from: slots[0].startsAt, by: colleague)[0]
            let wanted = try await fixture.booked(slots[0], for: patients[0])
            _ = try await fixture.booked(parallel, for: patients[1])
            let busy = try await fixture.wait(
                patients[1], from: slots[0], practitioner: fixture.practitioner.id)
            let next = try await fixture.wait(
                patients[2], from: slots[0], practitioner: fixture.practitioner.id)
            #expect(try await fixture.cancel(wanted).status == 200)
            #expect(try await fixture.entry(busy).status == .waiting)
            #expect(try await fixture.entry(next).status == .promoted)
        }
    }

    @Test("who gives a seat up is not given it again")
    func givenUp() async throws {
        try await withFixture { fixture, slots, patients in
            let id = try await fixture.booked(slots[0], for: patients[0])
            for slot in slots.dropFirst() { _ = try await fixture.booked(slot, for: patients[1]) }
            let entry = try await fixture.wait(patients[0], from: slots[0], to: slots[5])
            #expect(try await fixture.cancel(id).status == 200)
            #expect(try await fixture.entry(entry).status == .waiting)
            #expect(try await fixture.now(slots[0]).status == .free)
        }
    }

    @Test("booking such a slot directly withdraws the entry; one for another time stays")
    func booked() async throws {
        try await withFixture { fixture, slots, patients in
            for slot in slots.prefix(2) { _ = try await fixture.booked(slot, for: patients[0]) }
            let colleague = try await fixture.colleague()
            let parallel = try await fixture.slots(1, from: slots[0].startsAt, by: colleague)[0]
            // Held, though by the patient itself: not free.
            _ = try await fixture.hold(parallel, for: patients[1])
            let fulfilled = try await fixture.wait(patients[1], from: slots[0])
            let other = try await fixture.wait(patients[1], from: slots[1])
            let appointment = try await fixture.booked(parallel, for: patients[1])
            let entry = try await fixture.entry(fulfilled)
            #expect(entry.status == .withdrawn && entry.appointmentID?.text == appointment)
            #expect(try await fixture.entry(other).status == .waiting)
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("withdrawn by the patient: it stays so, and one that was promoted is an appointment")
    func withdrawn() async throws {
        try await withFixture { fixture, slots, patients in
            let id = try await fixture.booked(slots[0], for: patients[0])
            let entry = try await fixture.wait(patients[1], from: slots[0])
            let path = "waitlist/\(try entry.id)"
            let stranger = try await fixture.token(of: patients[2])
            #expect(
                try await fixture.send("DELETE", path, as: stranger).problemCode
                    == "waitlist_entry_not_found")
            for _ in 1...2 {
                #expect(
                    try await fixture.send(
                        "DELETE", path, as: fixture.token(of: patients[1])
                    ).status == 204)
            }
            #expect(try await fixture.entry(entry).version == 2)
            let next = try await fixture.wait(patients[2], from: slots[0])
            #expect(try await fixture.cancel(id).status == 200)
            let late = try await fixture.send("DELETE", "waitlist/\(next.id)")
            #expect(late.status == 409 && late.problemCode == "already_promoted")
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("a hold that is over by itself: the sweep gives the slot to who waits for it")
    func expiredHold() async throws {
        try await withFixture { fixture, slots, patients in
            _ = try await fixture.hold(slots[0], for: patients[0])
            let entry = try await fixture.wait(patients[1], from: slots[0])
            let waitlist = WaitlistService(store: fixture.service.store)
            #expect(try await waitlist.offerExpiredHolds() == 0)
            try await fixture.endTime(ofHoldOn: slots[0])
            #expect(try await waitlist.offerExpiredHolds() == 1)
            #expect(try await fixture.entry(entry).status == .promoted)
            #expect(try await waitlist.offerExpiredHolds() == 0)
        }
    }

    @Test("first come, first served for each seat: an early wish does not carry a late one along")
    func lateWish() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let slots = try await fixture.slots(2)
            let patients = try await fixture.patients(7)
            let timeOff = try await fixture.timeOff(slots[0].startsAt, slots[1].endsAt).id
            let first = try await fixture.wait(patients[0], from: slots[0])
            for patient in patients[1...5] {
                _ = try await fixture.wait(patient, from: slots[0])
            }
            let next = try await fixture.wait(patients[6], from: slots[1])
            let late = try await fixture.wait(patients[0], from: slots[1])
            _ = try await fixture.send("DELETE", "time-off/\(timeOff)", as: fixture.admin)
            #expect(try await fixture.entry(first).status == .promoted)
            #expect(try await fixture.entry(next).status == .promoted)
            #expect(try await fixture.entry(late).status == .waiting)
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("who becomes free is tried for every slot that this barred, not only for the earliest")
    func barred() async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let calendar = CalendarService(store: service.store)
            let patients = try await fixture.patients(1)
            let start = Date(
                timeIntervalSince1970: (Date().timeIntervalSince1970 + 86_400).rounded())
            // An hour in which 25 colleagues have something early, and one of them something late.
            let hour = try await calendar.createSlot(
                SlotDraft(
                    practitionerID: fixture.practitioner.id, startsAt: start,
                    endsAt: start.addingTimeInterval(3600)), in: fixture.clinic.id,
                by: Fixture.author)
            var early: [Slot] = []
            for _ in 1...25 {
                early += try await fixture.slots(1, from: start, by: fixture.colleague())
            }
            let late = try await fixture.slots(
                1, from: start.addingTimeInterval(2700), by: early[0].practitionerID)[0]
            let id = try await fixture.booked(hour, for: patients[0])
            let wishes = [
                try await fixture.wait(patients[0], from: early[0]),
                try await fixture.wait(patients[0], from: late),
            ]
            #expect(try await fixture.cancel(id).status == 200)
            for wish in wishes {
                #expect(try await fixture.entry(wish).status == .promoted)
            }
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("a slot that was opened by hand in time off: given away once that is over")
    func openedByHand() async throws {
        try await withFixture { fixture, slots, patients in
            let timeOff = try await fixture.timeOff(slots[0].startsAt, slots[0].endsAt).id
            let opened = try await fixture.send(
                "PATCH", "slots/\(slots[0].id.text)", as: fixture.admin, #"{"status": "free"}"#,
                version: "2")
            #expect(try opened.json["status"] == .string("free"))
            let entry = try await fixture.wait(patients[0], from: slots[0])
            #expect(try await fixture.entry(entry).status == .waiting)
            _ = try await fixture.send("DELETE", "time-off/\(timeOff)", as: fixture.admin)
            #expect(try await fixture.entry(entry).status == .promoted)
        }
    }

    @Test("a patient waits 20 times at the most, what is over apart")
    func limit() async throws {
        try await withFixture { fixture, slots, patients in
            _ = try await fixture.booked(slots[0], for: patients[1])
            for _ in 1...20 {
                #expect(try await fixture.wait(patients[0], from: slots[0]).status == 201)
            }
            let more = try await fixture.wait(patients[0], from: slots[0])
            #expect(more.status == 422 && more.problemCode == "waitlist_limit")
            try await fixture.service.database.owner.transaction { tx in
                try tx.execute(
                    """
                    UPDATE waitlist
                    SET wanted_from = wanted_from - interval '9 days',
                        wanted_to = wanted_to - interval '9 days'
                    """)
            }
            #expect(try await fixture.wait(patients[0], from: slots[0]).status == 201)
        }
    }

    @Test(
        "what cannot be waited for is refused, and the member named",
        arguments: [
            (#"{"from": "2100-01-02T00:00:00Z", "to": "2100-01-01T00:00:00Z"}"#, "to"),
            (#"{"from": "2100-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}"#, "to"),
            (#"{"from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z"}"#, "to"),
            (#"{"from": "1999-01-01T00:00:00Z", "to": "2100-01-02T00:00:00Z"}"#, "from"),
            (#"{"to": "2100-01-02T00:00:00Z"}"#, "from"),
            (#"{"from": "tomorrow", "to": "2100-01-02T00:00:00Z"}"#, "from"),
        ])
    func invalid(_ body: String, _ member: String) async throws {
        try await withFixture { fixture, _, patients in
            let answer = try await fixture.send(
                "POST", "waitlist", as: fixture.token(of: patients[0]), body)
            #expect(answer.status == 422)
            #expect(try answer.json["member"] == .string(member))
        }
    }

    @Test("nobody waits for a practitioner, or is a patient, who is not there")
    func unknown() async throws {
        try await withFixture { fixture, slots, patients in
            let answer = try await fixture.wait(
                patients[0], from: slots[0], practitioner: UUID())
            #expect(answer.problemCode == "practitioner_not_found")
            let nobody = try await fixture.send(
                "POST", "waitlist", as: nil,
                """
                {"patient_id": "\(UUID().text)", "from": "2100-01-01T00:00:00Z",
                "to": "2100-01-02T00:00:00Z"}
                """)
            #expect(nobody.problemCode == "patient_not_found")
        }
    }

    private func withFixture(
        _ body: @Sendable @escaping (Fixture, [Slot], [Patient]) async throws -> Void
    ) async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            try await body(fixture, fixture.slots(6), fixture.patients(3))
        }
    }
}
