import FoundationEssentials
import Postgres

/// A part of a patient's record with a version of its own.
package protocol RecordItem: RowDecodable, Hashable, Sendable {
    /// The table, whose rows are named `item` in statements.
    static var table: SQL { get }
    /// What is read of `item`, in order.
    static var columns: SQL { get }
    static var objectType: ObjectType { get }
    static var notFound: RecordError { get }

    var id: UUID { get }
    var version: Int { get }
    var versioned: VersionedObject { get }
}

extension CalendarDay {
    /// Reads a member that holds a day, or none.
    /// - Throws: ``InvalidInput`` for a day that does not exist, or lies before 1900 or behind 2200.
    static func read(_ text: String?, as member: String) throws(InvalidInput) -> CalendarDay? {
        guard let text else { return nil }
        guard let day = CalendarDay(text), ("1900-01-01"..."2200-12-31").contains(text) else {
            throw InvalidInput(member, "must be a day such as 2026-11-21")
        }
        return day
    }
}

/// What a new item is to hold.
package protocol RecordItemContent: Sendable {
    associatedtype Item: RecordItem

    /// The columns that a new item is given, in order.
    static var names: SQL { get }
    /// Their values; `clinics` is at hand.
    var values: SQL { get }
}

/// What of an item is to change.
package protocol RecordItemChanges: Sendable {
    associatedtype Item: RecordItem

    /// What an `UPDATE ... AS item` sets.
    var assignments: SQL { get }
}
