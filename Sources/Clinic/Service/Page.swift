import FoundationEssentials
import Postgres

/// A place in a list sorted by a time and, where times are equal, by id.
package struct Keyset: Hashable, Sendable {
    package let time: Date
    package let id: UUID

    package init(time: Date, id: UUID) {
        self.time = time
        self.id = id
    }

    /// Before everything in any list.
    static let beginning = Keyset(time: .distantPast, id: .least)
}

extension UUID {
    /// No other comes before it. Nothing has it: ids are of version 7.
    package static let least = UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
}

/// Which part of a list is asked for.
package struct PageRequest: Hashable, Sendable {
    /// Items at the most, 1 to 200.
    package let limit: Int
    /// The last item of the page before; nil for the first page.
    package let after: Keyset?

    package init(limit: Int = 50, after: Keyset? = nil) {
        precondition((1...200).contains(limit))
        self.limit = limit
        self.after = after
    }

    var start: Keyset { after ?? .beginning }
    /// One more than asked for tells whether there is another page.
    var rowsToRead: Int { limit + 1 }
}

/// One page of a list. Pages are not one snapshot: each is read when it is asked for.
package struct Page<Item: Sendable>: Sendable {
    package let items: [Item]
    /// Where the next page starts; nil on the last one.
    package let next: Keyset?

    /// Makes a page of the rows read, which may be one more than fit.
    init(_ rows: [Item], of request: PageRequest, by keyset: (Item) -> Keyset) {
        items = Array(rows.prefix(request.limit))
        next = rows.count > request.limit ? items.last.map(keyset) : nil
    }
}

extension Store {
    /// Reads a page of a list that belongs to a clinic.
    /// - Parameters:
    ///   - keyset: An item's place in the list.
    ///   - rows: Queues the reading of ``PageRequest/rowsToRead`` rows behind ``PageRequest/start``.
    /// - Throws: `CalendarError.clinicNotFound` instead of an empty page if there is no such clinic.
    func page<Item: Sendable>(
        _ request: PageRequest, in clinicID: UUID, by keyset: (Item) -> Keyset,
        _ rows: @escaping @Sendable (Pipeline) -> Pending<[Item]>
    ) async throws -> Page<Item> {
        let (rows, clinicExists) = try await read { tx in
            let rows = rows(tx.pipeline)
            let clinicExists = tx.pipeline.clinicExists(clinicID)
            return Pending { (try rows.get(), try clinicExists.get()) }
        }
        guard clinicExists else { throw CalendarError.clinicNotFound }
        return Page(rows, of: request, by: keyset)
    }
}
