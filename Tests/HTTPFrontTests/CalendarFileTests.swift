import Clinic
import Foundation
import HTTPFront
import Postgres
import ServiceTesting
import Testing

@Suite("What calendar programs read")
struct CalendarFileTests {
    @Test("an appointment: the same UID in every version, and the version its SEQUENCE")
    func appointment() async throws {
        try await withFixture { fixture, slots, patients in
            let id = try await fixture.booked(slots[0], for: patients[0])
            let path = "appointments/\(id).ics"
            func read() async throws -> [String: String] {
                let answer = try await fixture.send(
                    "GET", path, as: fixture.token(of: patients[0]))
                #expect(answer.headers["content-type"] == "text/calendar; charset=utf-8")
                return try #require(try events(in: answer.body).first)
            }
            let booked = try await read()
            #expect(booked["UID"] == id && booked["SEQUENCE"] == "1")
            #expect(booked["STATUS"] == "CONFIRMED")
            #expect(booked["DTSTART"] == basic(slots[0].startsAt))
            #expect(booked["DTEND"] == basic(slots[0].endsAt))
            #expect(booked["SUMMARY"] == "Appointment with Dr. Ada Abel")
            #expect(booked["LOCATION"] == "Lindenhof\\, Berlin\\; 2nd floor")

            _ = try await fixture.move(id, to: slots[1])
            let moved = try await read()
            #expect(moved["UID"] == id && moved["SEQUENCE"] == "2")
            #expect(moved["DTSTART"] == basic(slots[1].startsAt))
            _ = try await fixture.cancel(id)
            let cancelled = try await read()
            #expect(cancelled["UID"] == id && cancelled["SEQUENCE"] == "3")
            #expect(cancelled["STATUS"] == "CANCELLED")
        }
    }

    @Test("a practitioner's calendar: staff see whom, when, and what was cancelled")
    func practitioner() async throws {
        try await withFixture { fixture, slots, patients in
            let path = "practitioners/\(fixture.practitioner.id.text)/calendar.ics"
            let empty = try await fixture.send("GET", path)
            #expect(try events(in: empty.body).isEmpty)

            let kept = try await fixture.booked(slots[0], for: patients[0])
            let cancelled = try await fixture.booked(slots[1], for: patients[1])
            _ = try await fixture.cancel(cancelled)
            let elsewhere = try await fixture.slots(
                1, from: slots[0].startsAt, by: fixture.colleague())[0]
            _ = try await fixture.booked(elsewhere, for: patients[1])
            let events = try events(in: try await fixture.send("GET", path).body)
            #expect(events.map { $0["UID"] } == [kept, cancelled])
            #expect(events.map { $0["SUMMARY"] } == ["Patient 0", "Patient 1"])
            #expect(events.map { $0["STATUS"] } == ["CONFIRMED", "CANCELLED"])
            let later = slots[1].startsAt.formatted(.iso8601)
            let part = try await fixture.send("GET", "\(path)?from=\(later)")
            #expect(try self.events(in: part.body).map { $0["UID"] } == [cancelled])

            let patient = try await fixture.token(of: patients[0])
            #expect(try await fixture.send("GET", path, as: patient).status == 403)
            let nobody = try await fixture.send(
                "GET", "practitioners/\(UUID().text)/calendar.ics")
            #expect(nobody.problemCode == "practitioner_not_found")
        }
    }

    /// The events' properties, of a file in which each line keeps what RFC 5545 says of it.
    private func events(in file: String) throws -> [[String: String]] {
        #expect(file.hasSuffix("END:VCALENDAR\r\n"))
        #expect(!file.replacing("\r\n", with: "").contains("\n"))
        #expect(file.split(separator: "\r\n").allSatisfy { $0.utf8.count <= 75 })
        let lines = file.replacing("\r\n ", with: "").split(separator: "\r\n")
        #expect(lines.first == "BEGIN:VCALENDAR")
        #expect(lines.contains("VERSION:2.0") && lines.contains { $0.hasPrefix("PRODID:") })
        // A calendar has something in it. Source: RFC 5545, 3.6.
        #expect(lines.count { $0.hasPrefix("BEGIN:") } > 1)
        var open: [Substring] = []
        var events: [[String: String]] = []
        for line in lines {
            let parts = line.split(separator: ":", maxSplits: 1)
            let (name, value) = (try #require(parts.first), parts.count > 1 ? parts[1] : "")
            switch name {
            case "BEGIN":
                open.append(value)
                if value == "VEVENT" { events.append([:]) }
            case "END": #expect(open.popLast() == value)
            default:
                guard open.last == "VEVENT" else { continue }
                let event = events.count - 1
                #expect(events[event][String(name)] == nil, "\(name) twice")
                events[event][String(name)] = String(value)
            }
        }
        #expect(open.isEmpty)
        for event in events {
            #expect(event["UID"] != nil && event["DTSTAMP"] != nil && event["DTSTART"] != nil)
        }
        return events
    }

    private func basic(_ date: Date) -> String {
        date.formatted(.iso8601).replacing("-", with: "").replacing(":", with: "")
    }

    private func withFixture(
        _ body: @Sendable @escaping (Fixture, [Slot], [Patient]) async throws -> Void
    ) async throws {
        try await withService { service in
            let fixture = try await Fixture(service, named: "Lindenhof, Berlin; 2nd floor")
            try await body(fixture, fixture.slots(6), fixture.patients(2))
        }
    }
}
