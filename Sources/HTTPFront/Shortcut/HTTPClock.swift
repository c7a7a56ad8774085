import FoundationEssentials
import Synchronization

/// The time as the `Date` field has it, written once a second. Source: RFC 9110, 5.6.7.
final class HTTPClock: Sendable {
    private let last = Mutex((second: 0, text: ""))

    var now: String {
        let second = Int(Date().timeIntervalSince1970)
        return last.withLock { last in
            if last.second != second { last = (second, Self.text(of: second)) }
            return last.text
        }
    }

    /// - Parameter second: Since 1970 began.
    static func text(of second: Int) -> String {
        let date = CivilDate(day: second / 86_400)
        let time = [second / 3600 % 24, second / 60 % 60, second % 60].map(twoDigits)
            .joined(separator: ":")
        // 1970 began with a Thursday.
        let weekday = weekdays[(second / 86_400 + 4) % 7]
        return
            "\(weekday), \(twoDigits(date.day)) \(months[date.month - 1]) \(date.year) \(time) GMT"
    }

    private static func twoDigits(_ number: Int) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }

    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
}
