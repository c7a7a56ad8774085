import Postgres
import Testing

@testable import Clinic

@Suite("Weekly hours cut into slots")
struct AvailabilityRuleTests {
    private func availability(
        _ start: String = "09:00", _ end: String = "12:00", minutes: Int = 30, buffer: Int = 0,
        breaks: [(String, String)] = [], from: String = "2027-06-07", to: String = "2027-06-13",
        on weekdays: Set<Availability.Weekday> = [.mon]
    ) throws -> Availability {
        func time(_ text: String) throws -> Availability.Time {
            try #require(Availability.Time(text))
        }
        return try Availability(
            practitionerID: .noClinic, from: from, to: to, weekdays: weekdays, start: time(start),
            end: time(end), slotMinutes: minutes, bufferMinutes: buffer,
            breaks: try breaks.map { try Availability.Break(start: time($0), end: time($1)) })
    }

    private func clock(_ minutes: [Int]) -> [String] {
        minutes.map { Availability.Time(minutes: $0).description }
    }

    @Test("one behind the other, and none that would not be over by the end")
    func plain() throws {
        #expect(try clock(availability("09:00", "10:10").starts) == ["09:00", "09:30"])
        #expect(try clock(availability("23:30", "24:00").starts) == ["23:30"])
        #expect(try clock(availability(minutes: 60, buffer: 30).starts) == ["09:00", "10:30"])
    }

    @Test("behind each break they begin anew, and breaks may touch, overlap and lie outside")
    func breaks() throws {
        let starts = try availability(breaks: [
            ("11:00", "11:30"), ("10:00", "10:20"), ("10:10", "10:30"), ("07:00", "08:00"),
        ]).starts
        #expect(clock(starts) == ["09:00", "09:30", "10:30", "11:30"])
        // A slot that ends when the break begins is not in it.
        #expect(
            try clock(availability("09:00", "11:00", breaks: [("09:30", "10:00")]).starts)
                == ["09:00", "10:00", "10:30"])
    }

    @Test("the days are those of the week that are named, both ends included, leap days too")
    func days() throws {
        #expect(
            try availability(on: [.mon, .sun]).days.map(\.description) == [
                "2027-06-07", "2027-06-13",
            ])
        let leap = try availability(from: "2028-02-28", to: "2028-03-01", on: [.mon, .tue, .wed])
        #expect(leap.days.map(\.description) == ["2028-02-28", "2028-02-29", "2028-03-01"])
        let early = try availability(from: "2000-01-03", to: "2000-01-08", on: [.sat, .mon])
        #expect(early.days.map(\.description) == ["2000-01-03", "2000-01-08"])
        #expect(try availability(from: "2027-06-08", to: "2027-06-08").days.isEmpty)
        // A year and a day before the same day of the next one is the most.
        #expect(try availability(from: "2027-01-01", to: "2027-12-31").days.count == 52)
        #expect(throws: InvalidInput.self) {
            try availability(from: "2027-01-01", to: "2028-01-02")
        }
    }

    @Test(
        "times are HH:MM and nothing else",
        arguments: ["9:00", "09:0", "09:60", "24:01", "-1:00", "09:00:00", "٠٩:٠٠", "+9:00", ""])
    func noTime(_ text: String) { #expect(Availability.Time(text) == nil) }
}

@Suite("What an appointment may become")
struct TransitionTests {
    @Test("every status has its line, cancelled is final, and nothing becomes what it is")
    func table() {
        let table = AppointmentStatus.transitions
        #expect(Set(table.keys) == Set(AppointmentStatus.allCases))
        #expect(table[.cancelled] == [])
        for status in AppointmentStatus.allCases {
            #expect(!status.mayBecome(status) && !status.mayBecome(.booked))
            #expect(status.mayBecome(.cancelled) == (status != .cancelled))
        }
    }
}
