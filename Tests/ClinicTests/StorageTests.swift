import FoundationEssentials
import Postgres
import PostgresTesting
import Testing

@testable import Clinic

@Suite("What the tables are told of how to keep their rows")
struct StorageTests {
    @Test("a batch that books every slot of a page leaves each row where it was (HOT)")
    func updatesStayOnTheirPage() async throws {
        try await withTestDatabase { db in
            let clinic = try await TestClinic(db)
            let slots = try await clinic.slots(200)
            let patient = try await clinic.patients(1)[0]
            let before = try await pages(in: db)
            #expect(Set(before.values).count > 2)
            let outcomes = await clinic.desk.book(
                slots.map { clinic.booking($0.id, for: patient) }, in: clinic.id,
                waitingForLocks: true)
            #expect(outcomes.allSatisfy { if case .booked = $0 { true } else { false } })
            #expect(try await pages(in: db) == before)
        }
    }

    /// The page of each slot's newest row.
    private func pages(in db: TestDatabase) async throws -> [UUID: Int] {
        let rows = try await db.owner.read { tx in
            tx.pipeline.all(Place.self, "SELECT id, (ctid::text::point)[0]::bigint FROM slots")
        }
        return Dictionary(uniqueKeysWithValues: rows.map { ($0.id, $0.page) })
    }

    @Test(
        "a message's subject is an object's id and its version, in one spelling only",
        arguments: [
            ("0199f3a2-0000-7000-8000-0000000000ab:1", true),
            ("0199f3a2-0000-7000-8000-0000000000ab:922337203685477580", true),
            ("0199F3A2-0000-7000-8000-0000000000AB:1", false),
            ("0199f3a2000070008000-0000000000ab:1", false),
            ("0199f3a2-0000-7000-8000-0000000000ab:01", false),
            ("0199f3a2-0000-7000-8000-0000000000ab:1:2", false),
            ("0199f3a2-0000-7000-8000-0000000000ab: 1", false),
            ("0199f3a2-0000-7000-8000-0000000000ab:", false),
            ("0199f3a2-0000-7000-8000-0000000000ab", false),
            ("0199f3a2-0000-7000-8000-0000000000ab:0", false),
            ("0199f3a2-0000-7000-8000-0000000000ab:-1", false),
            ("appointment:1", false),
            ("", false),
        ])
    func subjects(subject: String, isGood: Bool) async throws {
        try await withTestDatabase { db in
            let clinic = try await TestClinic(db)
            let wasTaken: Bool
            do {
                try await db.owner.transaction { tx in
                    try tx.execute(
                        """
                        INSERT INTO outbox (clinic_id, kind, subject, id, recipient)
                        VALUES (
                            \(clinic.id), \(MessageKind.appointmentBooked), \(subject), \(UUID()),
                            'ann@example.org'
                        )
                        """)
                }
                wasTaken = true
            } catch let error as PostgresError {
                // What cannot be read as an id or a number at all is refused as such.
                #expect(
                    error.violates("outbox_subject_is_id_and_version")
                        || error.sqlState == SQLState(rawValue: "22P02"))
                wasTaken = false
            }
            #expect(wasTaken == isGood)
        }
    }
}

private struct Place: RowDecodable {
    let id: UUID
    let page: Int

    init(row: inout Row) throws {
        id = try row.next()
        page = try row.next()
    }
}
