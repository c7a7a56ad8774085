import FoundationEssentials
import Postgres
import PostgresTesting
import Testing

@Suite("Values travel in binary and come back as they were")
struct ValueTests {
    @Test("every type, through the server and back")
    func roundTrip() async throws {
        try await withTestDatabase { db in
            let id = UUID()
            let instant = Date(timeIntervalSinceReferenceDate: 817_035_296.123_456)
            let day = try #require(CalendarDay("1968-02-29"))
            let text = "Ärztin „O'Neill\" 👩‍⚕️ $1 \\ %"
            let row = try await db.service.transaction { tx in
                try tx.one(
                    Everything.self,
                    """
                    SELECT \(Int.min), \(true), \(text), \(id), \(instant), \(day), \(""),
                        \(Int?.none), 7::smallint, 8::integer
                    """)
            }
            #expect(row.number == .min)
            #expect(row.flag)
            #expect(row.text == text)
            #expect(row.id == id)
            #expect(row.instant == instant)
            #expect(row.day == day)
            #expect(row.empty == "")
            #expect(row.missing == nil)
            #expect(row.small == 7)
            #expect(row.medium == 8)
        }
    }

    @Test("microseconds survive, before and after PostgreSQL's epoch")
    func microseconds() async throws {
        try await withTestDatabase { db in
            for text in ["1899-12-31 23:59:59.999999+00", "2026-11-21 09:00:00.000001+00"] {
                let equal = try await db.service.transaction { tx in
                    let date = try tx.one(Scalar<Date>.self, "SELECT \(text)::text::timestamptz")
                    return try tx.one(
                        Scalar<Bool>.self,
                        "SELECT \(date.value) = \(text)::text::timestamptz")
                }
                #expect(equal.value, "\(text)")
            }
        }
    }

    @Test("arrays, empty ones and ones with gaps")
    func arrays() async throws {
        try await withTestDatabase { db in
            let gaps: [String?] = ["a", nil, ""]
            let rows = try await db.service.transaction { tx in
                try tx.all(
                    Scalar<String?>.self,
                    "SELECT item FROM unnest(\(gaps)) WITH ORDINALITY AS t (item, n) ORDER BY n")
            }
            #expect(rows.map(\.value) == gaps)
            let count = try await db.service.transaction { tx in
                try tx.one(Scalar<Int>.self, "SELECT count(*) FROM unnest(\([UUID]()))")
            }
            #expect(count.value == 0)
        }
    }

    @Test("a day that does not exist is no day", arguments: ["2026-02-29", "2026-1-1", "", "x"])
    func noSuchDay(text: String) {
        #expect(CalendarDay(text) == nil)
    }

    @Test("a U+0000 is refused, not cut off")
    func nulByte() async throws {
        try await withTestDatabase { db in
            let error = await #expect(throws: PostgresError.self) {
                try await db.service.transaction { tx in
                    try tx.one(Scalar<String>.self, "SELECT \("a\0b")")
                }
            }
            #expect(error?.sqlState?.rawValue == "22021")
        }
    }

    @Test("a column of another type, a NULL and a missing column are named, their data is not")
    func undecodable() async throws {
        try await withTestDatabase { db in
            for sql: SQL in ["SELECT 'secret'::text", "SELECT NULL::bigint", "SELECT WHERE true"] {
                let error = await #expect(throws: PostgresError.self) {
                    try await db.service.transaction { tx in try tx.one(Scalar<Int>.self, sql) }
                }
                #expect(error?.kind == .decoding)
                #expect(error?.description.contains("column 1") == true)
                #expect(error?.description.contains("secret") == false)
            }
        }
    }
}

private struct Everything: RowDecodable, Sendable {
    let number: Int
    let flag: Bool
    let text: String
    let id: UUID
    let instant: Date
    let day: CalendarDay
    let empty: String
    let missing: Int?
    let small: Int
    let medium: Int

    init(row: inout Row) throws {
        number = try row.next()
        flag = try row.next()
        text = try row.next()
        id = try row.next()
        instant = try row.next()
        day = try row.next()
        empty = try row.next()
        missing = try row.next()
        small = try row.next()
        medium = try row.next()
    }
}
