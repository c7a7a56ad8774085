import Clinic
import Foundation
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting
import Testing

@Suite("Calendars that fill themselves")
struct AvailabilityTests {
    /// The local times at which slots are made on the days around a change of clocks, and how many of
    /// the template's times there were none for.
    struct Change: Sendable, CustomTestStringConvertible {
        let zone: String
        let day: String
        /// The instants, in UTC, of slots of 30 minutes from 01:00 to 04:00 local time.
        let starts: [String]
        let skipped: Int

        var testDescription: String { "\(zone), \(day)" }
    }

    // Worked out by hand from the zones' rules: Berlin changes at 01:00 UTC, New York at 02:00 local
    // time, Lord Howe by half an hour at 02:00 local time, Tokyo never.
    static let changes = [
        // 02:00 is 03:00.
        Change(
            zone: "Europe/Berlin", day: "2027-03-28",
            starts: ["00:00", "00:30", "01:00", "01:30"], skipped: 2),
        // 03:00 is 02:00 again: from 01:00 to 02:30 in summer time, 03:00 in winter time.
        Change(
            zone: "Europe/Berlin", day: "2027-10-31",
            starts: ["-23:00", "-23:30", "00:00", "00:30", "02:00", "02:30"], skipped: 0),
        Change(
            zone: "America/New_York", day: "2027-03-14",
            starts: ["06:00", "06:30", "07:00", "07:30"], skipped: 2),
        // 02:00 is 01:00 again.
        Change(
            zone: "America/New_York", day: "2027-11-07",
            starts: ["05:00", "05:30", "07:00", "07:30", "08:00", "08:30"], skipped: 0),
        // 02:00 is 02:30: only 02:00 is not there.
        Change(
            zone: "Australia/Lord_Howe", day: "2027-10-03",
            starts: ["-14:30", "-15:00", "-15:30", "-16:00", "-16:30"], skipped: 1),
        // 02:00 is 01:30 again: 01:30 comes twice, the first counts.
        Change(
            zone: "Australia/Lord_Howe", day: "2027-04-04",
            starts: ["-14:00", "-14:30", "-15:30", "-16:00", "-16:30", "-17:00"], skipped: 0),
        Change(
            zone: "Asia/Tokyo", day: "2027-03-28",
            starts: ["-16:00", "-16:30", "-17:00", "-17:30", "-18:00", "-18:30"], skipped: 0),
        Change(
            zone: "Asia/Tokyo", day: "2027-10-31",
            starts: ["-16:00", "-16:30", "-17:00", "-17:30", "-18:00", "-18:30"], skipped: 0),
    ]

    @Test("on the day on which the clocks change", arguments: changes)
    func clockChange(_ change: Change) async throws {
        try await withClinic(in: change.zone) { fixture in
            let weekday = try weekday(of: change.day)
            let answer = try await fixture.fill(
                from: change.day, to: change.day, [weekday], "01:00", "04:00", minutes: 30)
            #expect(try answer.json["created"] == .number(Double(change.starts.count)))
            #expect(try answer.json["skipped"] == .number(Double(change.skipped)))
            let slots = try await fixture.allSlots()
            #expect(
                slots.map(\.startsAt) == (try change.starts.map { try instant($0, change.day) }))
            #expect(slots.allSatisfy { $0.endsAt.timeIntervalSince($0.startsAt) == 1800 })
            let again = try await fixture.fill(
                from: change.day, to: change.day, [weekday], "01:00", "04:00", minutes: 30)
            #expect(try again.json["created"] == .number(0))
            #expect(try again.json["skipped"] == .number(6))
        }
    }

    @Test(
        "a year of weekdays: the same local time on every day, whatever the clocks do",
        arguments: ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo"])
    func year(_ zone: String) async throws {
        try await withClinic(in: zone) { fixture in
            let answer = try await fixture.fill(
                from: "2027-01-01", to: "2027-12-31", ["mon", "tue", "wed", "thu", "fri"],
                "09:00", "17:00", minutes: 15)
            // 2027 has 261 of them.
            #expect(try answer.json["created"] == .number(261 * 32))
            let odd = try await fixture.service.database.owner.read { tx in
                tx.pipeline.one(
                    Scalar<Int>.self,
                    """
                    SELECT count(*)
                    FROM slots
                    WHERE (starts_at AT TIME ZONE \(zone))::time NOT BETWEEN '09:00' AND '16:45'
                        OR extract(isodow FROM starts_at AT TIME ZONE \(zone)) > 5
                        OR ends_at <> starts_at + interval '15 minutes'
                    """)
            }
            #expect(odd.value == 0)
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("buffers and breaks: a slot behind the other in what they leave of the day")
    func buffersAndBreaks() async throws {
        try await withClinic(in: "Etc/UTC") { fixture in
            let answer = try await fixture.fill(
                from: "2027-06-07", to: "2027-06-07", ["mon"], "09:00", "13:00", minutes: 30,
                more: """
                    , "buffer_minutes": 10, "capacity": 3,
                    "breaks": [{"start": "12:00", "end": "12:15"}, {"start": "10:00", "end": "10:30"}]
                    """)
            #expect(try answer.json["created"] == .number(4))
            let slots = try await fixture.allSlots()
            let times = slots.map { $0.startsAt.formatted(.iso8601).dropFirst(11).prefix(5) }
            #expect(times.map(String.init) == ["09:00", "10:30", "11:10", "12:15"])
            #expect(slots.allSatisfy { $0.capacity == 3 })
        }
    }

    @Test("slots that are there, and time off, are left alone")
    func leftAlone() async throws {
        try await withClinic(in: "Europe/Berlin") { fixture in
            let day = try instant("07:30", "2027-06-07")
            _ = try await fixture.slots(1, from: day)
            _ = try await fixture.timeOff(
                day.addingTimeInterval(3600), day.addingTimeInterval(2 * 3600))
            // 09:00 to 12:00 in Berlin is 07:00 to 10:00.
            let answer = try await fixture.fill(
                from: "2027-06-07", to: "2027-06-07", ["mon"], "09:00", "12:00", minutes: 30)
            #expect(try answer.json["created"] == .number(3))
            #expect(try answer.json["skipped"] == .number(3))
        }
    }

    @Test(
        "what cannot be is refused, and the member named",
        arguments: [
            (#""start": "12:00", "end": "09:00""#, "end"),
            (#""start": "09:00", "end": "09:00""#, "end"),
            (#""start": "9:00""#, "start"), (#""end": "24:01""#, "end"),
            (#""start": "999999999999999999:00""#, "start"),
            (#""from": "2000-01-01""#, "from"),
            (#""slot_minutes": 0"#, "slot_minutes"), (#""slot_minutes": 10000"#, "slot_minutes"),
            (#""slot_minutes": 181"#, "slot_minutes"), (#""slot_minutes": "15""#, "slot_minutes"),
            (#""to": "2077-01-01""#, "to"), (#""to": "2026-12-31""#, "to"),
            (#""to": "2028-01-02""#, "to"), (#""from": "2027-02-30""#, "from"),
            (#""weekdays": ["funday"]"#, "weekdays"), (#""weekdays": []"#, "weekdays"),
            (#""weekdays": "mon""#, "weekdays"), (#""buffer_minutes": -1"#, "buffer_minutes"),
            (#""breaks": [{"start": "08:00", "end": "13:00"}]"#, "breaks"),
            (#""breaks": [{"start": "10:00", "end": "09:00"}]"#, "breaks"),
            (#""breaks": [{"start": "10:00"}]"#, "end"), (#""capacity": 0"#, "capacity"),
            (#""practitioner_id": "x""#, "practitioner_id"), (#""hours": 8"#, "hours"),
            (
                #""weekdays": ["mon", "tue", "wed", "thu", "fri"], "slot_minutes": 5, "start": "08:00", "end": "18:00", "to": "2027-12-31""#,
                "to"
            ),
        ])
    func invalid(_ members: String, _ member: String) async throws {
        try await withClinic(in: "Europe/Berlin") { fixture in
            var body: [String: String] = [
                "practitioner_id": "\"\(fixture.practitioner.id.text)\"",
                "from": "\"2027-01-01\"", "to": "\"2027-01-31\"", "weekdays": #"["mon"]"#,
                "start": "\"09:00\"", "end": "\"12:00\"", "slot_minutes": "30",
            ]
            let changes = try JSONDecoder().decode(
                [String: JSONValue].self, from: Data("{\(members)}".utf8))
            for name in changes.keys { body[name] = nil }
            let rest = body.map { "\"\($0)\": \($1)" }
            let answer = try await fixture.send(
                "POST", "availability", as: fixture.admin,
                "{\((rest + [members]).joined(separator: ", "))}")
            #expect(answer.status == 422, "\(answer.body)")
            #expect(try answer.json["member"] == .string(member))
            #expect(try await fixture.allSlots().isEmpty)
        }
    }

    @Test("a year that 100 patients wait for: each has the earliest that is left")
    func longWaitlist() async throws {
        try await withClinic(in: "Etc/UTC") { fixture in
            let patients = try await fixture.patients(100)
            let waitlist = WaitlistService(store: fixture.service.store)
            for patient in patients {
                _ = try await waitlist.join(
                    WaitlistRequest(
                        patientID: patient.id, practitionerID: fixture.practitioner.id,
                        from: Date(), to: Date(timeIntervalSinceNow: 1e9), author: Fixture.author),
                    in: fixture.clinic.id)
            }
            let days = ["mon", "tue", "wed", "thu", "fri"]
            let answer = try await fixture.fill(
                from: "2030-01-01", to: "2030-12-31", days, "09:00", "17:00", minutes: 15)
            #expect(try answer.json["created"] == .number(261 * 32))
            let order = try await fixture.service.database.owner.read { tx in
                tx.pipeline.one(
                    Scalar<Bool>.self,
                    """
                    SELECT
                        array_agg(patient_id ORDER BY created_at)
                            = (SELECT array_agg(patient_id ORDER BY starts_at) FROM appointments)
                    FROM waitlist
                    WHERE status = 'promoted'
                    """)
            }
            #expect(order.value)
            #expect(try await fixture.breaches() == [])
        }
    }

    @Test("a practitioner of another clinic is not there")
    func foreign() async throws {
        try await withClinic(in: "Europe/Berlin") { fixture in
            let other = try await Fixture(fixture.service, named: "Harbour")
            let answer = try await fixture.send(
                "POST", "availability", as: fixture.admin,
                """
                {"practitioner_id": "\(other.practitioner.id.text)", "from": "2027-01-01",
                "to": "2027-01-31", "weekdays": ["mon"], "start": "09:00", "end": "12:00",
                "slot_minutes": 30}
                """)
            #expect(answer.problemCode == "practitioner_not_found")
        }
    }

    /// An instant of a day in UTC; with a minus, of the day before.
    private func instant(_ time: String, _ day: String) throws -> Date {
        let instant = try Date("\(day)T\(time.suffix(5)):00Z", strategy: .iso8601)
        return time.hasPrefix("-") ? instant.addingTimeInterval(-86_400) : instant
    }

    private func weekday(of day: String) throws -> String {
        let noon = try Date("\(day)T12:00:00Z", strategy: .iso8601)
        // 1970-01-01 was a Thursday.
        let days = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"]
        return days[Int(noon.timeIntervalSince1970 / 86_400) % 7]
    }

    private func withClinic(
        in zone: String, _ body: @Sendable @escaping (Fixture) async throws -> Void
    ) async throws {
        try await withService { service in
            try await body(Fixture(service, timeZone: zone))
        }
    }
}

extension Fixture {
    fileprivate func fill(
        from: String, to: String, _ weekdays: [String], _ start: String, _ end: String,
        minutes: Int, more: String = ""
    ) async throws -> Answer {
        let days = weekdays.map { "\"\($0)\"" }.joined(separator: ",")
        return try await send(
            "POST", "availability", as: admin,
            """
            {"practitioner_id": "\(practitioner.id.text)", "from": "\(from)", "to": "\(to)",
            "weekdays": [\(days)], "start": "\(start)", "end": "\(end)",
            "slot_minutes": \(minutes)\(more)}
            """)
    }

    fileprivate func allSlots() async throws -> [Slot] {
        try await CalendarService(store: service.store).slots(
            in: clinic.id, where: SlotFilter(), PageRequest(limit: 200)
        ).items
    }
}
