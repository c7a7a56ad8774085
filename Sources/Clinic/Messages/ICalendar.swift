import FoundationEssentials

/// Events in the form that calendar programs read. Source: RFC 5545.
struct ICalendar: Sendable {
    let events: [Event]

    struct Event: Hashable, Sendable {
        /// The same for every version of the event.
        let uid: String
        /// Rises with every version.
        let sequence: Int
        /// When this version came to be.
        let stamp: Date
        let startsAt: Date
        let endsAt: Date
        let summary: String
        let location: String
        let isCancelled: Bool
    }

    /// The file, with lines that end in CR LF.
    var text: String {
        let content = events.isEmpty ? Self.utc : events.flatMap(\.lines)
        let lines =
            ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Holdfast//Holdfast//EN"]
            + content + ["END:VCALENDAR"]
        return lines.map { "\($0.folded)\r\n" }.joined()
    }
}

extension ICalendar {
    /// What a calendar without events has, because it must have something. Source: RFC 5545, 3.6.
    private static let utc = [
        "BEGIN:VTIMEZONE",
        "TZID:UTC",
        "BEGIN:STANDARD",
        "DTSTART:19700101T000000",
        "TZOFFSETFROM:+0000",
        "TZOFFSETTO:+0000",
        "END:STANDARD",
        "END:VTIMEZONE",
    ]
}

extension ICalendar.Event {
    fileprivate var lines: [String] {
        [
            "BEGIN:VEVENT",
            "UID:\(uid)",
            "SEQUENCE:\(sequence)",
            "DTSTAMP:\(stamp.inCalendar)",
            "DTSTART:\(startsAt.inCalendar)",
            "DTEND:\(endsAt.inCalendar)",
            "SUMMARY:\(summary.inCalendar)",
            "LOCATION:\(location.inCalendar)",
            "STATUS:\(isCancelled ? "CANCELLED" : "CONFIRMED")",
            "END:VEVENT",
        ]
    }
}

extension Date {
    /// The instant in UTC. Source: RFC 5545, 3.3.5, form 2.
    fileprivate var inCalendar: String {
        formatted(
            Date.ISO8601FormatStyle(
                dateSeparator: .omitted, dateTimeSeparator: .standard, timeSeparator: .omitted))
    }
}

extension String {
    /// The text with what delimits values escaped, and no control characters. Source: RFC 5545, 3.3.11.
    fileprivate var inCalendar: String {
        split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
            .map { line in
                String(line.unicodeScalars.filter { $0.properties.generalCategory != .control })
                    .replacing("\\", with: "\\\\").replacing(";", with: "\\;")
                    .replacing(",", with: "\\,")
            }
            .joined(separator: "\\n")
    }

    /// The line in pieces of 75 bytes, no character divided. Source: RFC 5545, 3.1.
    fileprivate var folded: String {
        var result = ""
        var length = 0
        for scalar in unicodeScalars {
            let size = UTF8.width(scalar)
            if length + size > 75 {
                result += "\r\n "
                length = 1
            }
            result.unicodeScalars.append(scalar)
            length += size
        }
        return result
    }
}
