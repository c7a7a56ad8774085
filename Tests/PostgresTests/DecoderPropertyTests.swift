import Foundation
import PostgresTesting
import Testing

@testable import Postgres

@Suite("Decoders, whatever comes")
struct DecoderPropertyTests {
    private static let types: [PostgresType] = [
        .bool, .int2, .int4, .int8, .text, .varchar, .name, .date, .timestamptz, .uuid, .jsonb,
    ]

    @Test("bytes of any kind are a value or an error, never the end of the process")
    func anyBytes() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let type = Self.types.randomElement(using: &generator) ?? .text
            let bytes = (0..<Int.random(in: 0...40)).map { _ in UInt8.random(in: 0...255) }
            try bytes.withUnsafeBytes { bytes in
                for column in [
                    PostgresColumn(type: type.id, bytes: bytes),
                    PostgresColumn(type: type.arrayID, bytes: bytes),
                    PostgresColumn(type: type.id, bytes: nil),
                ] {
                    try decodeAll(column)
                }
            }
        }
    }

    /// What can be read is what was there: written again, it gives the same bytes.
    private func decodeAll(_ column: PostgresColumn) throws {
        func check<Value: PostgresValue>(_: Value.Type, _ isExact: Bool = true) throws {
            do {
                let value = try Value.decode(column)
                var again: [UInt8] = []
                value.encode(into: &again)
                #expect(!isExact || again == column.bytes.map(Array.init))
            } catch {
                #expect(error.description.contains("cannot be read"))
            }
        }
        // Of smaller integers, and any byte but 0 is true.
        try check(Int.self, column.bytes?.count == 8)
        try check(Bool.self, false)
        // What is no UTF-8 is made so.
        try check(String.self, false)
        try check(UUID.self)
        try check(CalendarDay.self)
        // Further away than 136 years from 2001 a Date has no whole microseconds.
        try check(Date.self, false)
        try check([Int].self, false)
        try check([String?].self, false)
        try check([UUID].self, false)
    }

    @Test("what was encoded is decoded as it was")
    func roundTrip() throws {
        func check<Value: PostgresValue & Equatable>(_ value: Value) throws {
            var bytes: [UInt8] = []
            value.encode(into: &bytes)
            let again = try bytes.withUnsafeBytes {
                try Value.decode(PostgresColumn(type: Value.postgresType.id, bytes: $0))
            }
            #expect(again == value)
        }
        for _ in 0..<5000 {
            try check(Int.random(in: .min ... .max))
            try check(UUID())
            let microseconds = Int.random(in: -4_294_000_000_000_000...4_294_000_000_000_000)
            try check(Date(timeIntervalSinceReferenceDate: Double(microseconds) / 1_000_000))
            try check(CalendarDay(daysSince2000: .random(in: .min ... .max)))
            let text = String(
                (0..<Int.random(in: 0...20)).compactMap { _ in
                    UnicodeScalar(UInt32.random(in: 1...0x10FFFF)).map(Character.init)
                })
            try check(text)
            try check((0..<Int.random(in: 0...5)).map { $0 % 2 == 0 ? text : nil })
        }
    }

    @Test("an error has the server's code and constraint, and nothing of the data")
    func errors() async throws {
        try await withTestDatabase { db in
            let letters = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
            for _ in 0..<200 {
                let code =
                    ["22", "23", "P0", "XX"].randomElement().map {
                        $0 + String((0..<3).compactMap { _ in letters.randomElement() })
                    } ?? ""
                let name = "rule_\(Int.random(in: 0...999))"
                let error = await #expect(throws: PostgresError.self) {
                    try await db.owner.transaction { tx in
                        try tx.executeUncheckedScript(
                            """
                            DO $$ BEGIN RAISE EXCEPTION 'secret' USING
                                ERRCODE = '\(code)', DETAIL = 'secret', HINT = 'secret',
                                CONSTRAINT = '\(name)'; END $$
                            """)
                    }
                }
                #expect(error?.sqlState?.rawValue == code)
                #expect(error?.violates(name) == true && error?.kind == .server)
                #expect(error?.description.contains("secret") == false)
            }
        }
    }
}
