import FoundationEssentials
import Postgres
import PostgresTesting
import Testing

@testable import Clinic

@Suite("Booking, against PostgreSQL")
struct BookingServiceTests {
    @Test("a batch: an outcome for each request, in their order, written as one")
    func batch() async throws {
        try await withTestDatabase { db in
            let clinic = try await TestClinic(db)
            let slots = try await clinic.slots(2)
            let group = try await clinic.slots(1, capacity: 2, startingIn: 2)[0]
            let patients = try await clinic.patients(4)
            let stranger = UUID()
            let wishes = [
                (slots[0].id, patients[0]), (slots[0].id, patients[1]), (group.id, patients[0]),
                (group.id, patients[1]), (group.id, patients[2]), (UUID(), patients[0]),
                (slots[1].id, stranger),
            ]
            let outcomes = await clinic.desk.book(
                wishes.map { clinic.booking($0, for: $1) }, in: clinic.id,
                waitingForLocks: false)
            let refusals = outcomes.map { outcome -> BookingRefusal? in
                if case .refused(let refusal, _) = outcome { refusal } else { nil }
            }
            #expect(
                refusals == [
                    nil, .slotTaken, nil, nil, .slotTaken, .slotNotFound, .patientNotFound,
                ])

            let slot = try await clinic.calendar.slot(group.id, in: clinic.id)
            #expect(slot.booked == 2)
            #expect(slot.status == .busy)
            #expect(slot.version == 3)
            let versions = try await db.owner.read { tx in
                tx.pipeline.all(
                    Scalar<Int>.self,
                    "SELECT version FROM journal WHERE object_id = \(group.id) ORDER BY version")
            }
            #expect(versions.map(\.value) == [1, 2, 3])
        }
    }

    @Test("whoever waits for changes is told of what was committed, and of no refusal")
    func told() async throws {
        try await withTestDatabase { db in
            let clinic = try await TestClinic(db)
            let slot = try await clinic.slots(1)[0]
            let patients = try await clinic.patients(2)
            let changes = RunCounter()
            let booking = BookingService(
                store: Store(
                    database: db.service,
                    environment: ServiceEnvironment(
                        logger: ServiceEnvironment.test.logger, onChange: { changes.begin() })))
            _ = try await booking.book(clinic.request(slot.id, for: patients[0]), in: clinic.id)
            #expect(changes.count == 1)
            await #expect(throws: BookingRefused.self) {
                try await booking.book(clinic.request(slot.id, for: patients[1]), in: clinic.id)
            }
            #expect(changes.count == 1)
        }
    }

    @Test("everything that a booking is: appointment, slot, two journal rows, one message")
    func allOfIt() async throws {
        try await withTestDatabase { db in
            let clinic = try await TestClinic(db)
            let slot = try await clinic.slots(1)[0]
            let patient = try await clinic.patients(1)[0]
            let appointment = try await clinic.booking.book(
                clinic.request(slot.id, for: patient), in: clinic.id)
            #expect(appointment.startsAt == slot.startsAt)
            #expect(appointment.practitionerID == slot.practitionerID)
            #expect(appointment.version == 1)

            let entries = try await db.owner.read { tx in
                tx.pipeline.all(
                    Scalar<String>.self,
                    """
                    SELECT concat_ws(' ', action, version, actor, request_id)
                    FROM journal
                    WHERE object_id IN (\(appointment.id), \(slot.id))
                    ORDER BY action
                    """)
            }
            #expect(
                entries.map(\.value) == [
                    "appointment.booked 1 ann request-1", "slot.booked 2 ann request-1",
                    "slot.created 1 test test",
                ])
            let messages = try await db.owner.read { tx in
                tx.pipeline.all(
                    Scalar<String>.self,
                    "SELECT concat_ws(' ', kind, subject, recipient, status) FROM outbox")
            }
            let subject = "\(appointment.id.uuidString.lowercased()):1"
            #expect(
                messages.map(\.value) == ["appointment.booked \(subject) p0@example.org queued"])
        }
    }

    @Test("a refused booking writes nothing at all, not even its marker")
    func nothing() async throws {
        try await withTestDatabase { db in
            let clinic = try await TestClinic(db)
            let slot = try await clinic.slots(1)[0]
            let patient = try await clinic.patients(1)[0]
            try await db.owner.transaction { tx in
                try tx.execute("UPDATE slots SET blocked = true")
                try tx.execute("DELETE FROM markers")
            }
            let refused = await #expect(throws: BookingRefused.self) {
                try await clinic.booking.book(clinic.request(slot.id, for: patient), in: clinic.id)
            }
            #expect(refused?.refusal == .slotUnavailable)
            let rows = try await db.owner.read { tx in
                tx.pipeline.one(
                    Scalar<Int>.self,
                    """
                    SELECT (SELECT count(*) FROM appointments) + (SELECT count(*) FROM outbox)
                        + (SELECT count(*) FROM markers)
                    """)
            }
            #expect(rows.value == 0)
        }
    }

    @Test("a patient without an e-mail address is booked; the message says why it cannot be sent")
    func noAddress() async throws {
        try await withTestDatabase { db in
            let clinic = try await TestClinic(db)
            let slot = try await clinic.slots(1)[0]
            let patient = try await clinic.patientService.createPatients(
                [
                    try PatientDraft(
                        name: "No Mail", email: nil, phone: nil, birthDate: "1968-02-29",
                        now: Date())
                ],
                in: clinic.id, by: TestClinic.author)[0]
            _ = try await clinic.booking.book(
                clinic.request(slot.id, for: patient.id), in: clinic.id)
            let message = try await db.owner.read { tx in
                tx.pipeline.one(
                    Scalar<String>.self, "SELECT status || ': ' || last_error FROM outbox")
            }
            #expect(message.value == "failed: the patient has no e-mail address")
        }
    }

    @Test(
        "alternatives: the same practitioner's nearest first, then the specialty's, free ones only")
    func alternatives() async throws {
        try await withTestDatabase { db in
            let clinic = try await TestClinic(db)
            let own = try await clinic.slots(5)
            let colleague = try await clinic.practitioner(specialty: "dermatology")
            let other = try await clinic.practitioner(specialty: "cardiology")
            let colleagues = try await clinic.slots(3, by: colleague)
            _ = try await clinic.slots(3, by: other)
            let patients = try await clinic.patients(3)
            _ = try await clinic.booking.book(
                clinic.request(own[2].id, for: patients[0]), in: clinic.id)
            try await db.owner.transaction { tx in
                // Held by somebody; held until a moment ago; blocked.
                try tx.execute(
                    """
                    UPDATE slots
                    SET held_by = \(patients[2]),
                        held_since = clock_timestamp(),
                        held_until = clock_timestamp() + interval '1 minute'
                    WHERE id = \(own[3].id)
                    """)
                try tx.execute(
                    """
                    UPDATE slots
                    SET held_by = \(patients[2]),
                        held_since = clock_timestamp() - interval '2 minutes',
                        held_until = clock_timestamp()
                    WHERE id = \(own[4].id)
                    """)
                try tx.execute("UPDATE slots SET blocked = true WHERE id = \(colleagues[1].id)")
            }
            let refused = await #expect(throws: BookingRefused.self) {
                try await clinic.booking.book(
                    clinic.request(own[2].id, for: patients[1]), in: clinic.id)
            }
            #expect(refused?.refusal == .slotTaken)
            #expect(
                refused?.alternatives.map(\.id)
                    == [own[1].id, own[0].id, own[4].id, colleagues[2].id, colleagues[0].id])
            #expect(refused?.alternatives.allSatisfy { $0.status == .free } == true)
        }
    }

    @Test("a live hold keeps the slot for its holder, who turns it into a booking")
    func hold() async throws {
        try await withTestDatabase { db in
            let clinic = try await TestClinic(db)
            let slot = try await clinic.slots(1)[0]
            let patients = try await clinic.patients(2)
            try await db.owner.transaction { tx in
                try tx.execute(
                    """
                    UPDATE slots
                    SET held_by = \(patients[0]),
                        held_since = clock_timestamp(),
                        held_until = clock_timestamp() + interval '1 minute'
                    """)
            }
            #expect(try await clinic.calendar.slot(slot.id, in: clinic.id).status == .busyTentative)
            let refused = await #expect(throws: BookingRefused.self) {
                try await clinic.booking.book(
                    clinic.request(slot.id, for: patients[1]), in: clinic.id)
            }
            guard case .slotHeld = refused?.refusal else {
                Issue.record("refused as \(String(describing: refused))")
                return
            }
            _ = try await clinic.booking.book(
                clinic.request(slot.id, for: patients[0]), in: clinic.id)
            let booked = try await clinic.calendar.slot(slot.id, in: clinic.id)
            #expect(booked.status == .busy)
            #expect(booked.heldUntil == nil)
        }
    }

    @Test("a slot that somebody keeps locked: told so in time, nothing written")
    func lockTimeout() async throws {
        try await withTestDatabase { db in
            let clinic = try await TestClinic(db)
            let slot = try await clinic.slots(1)[0]
            let patient = try await clinic.patients(1)[0]
            let impatient = db.service { $0.lockTimeout = .milliseconds(50) }
            let booking = BookingService(
                store: Store(database: impatient, environment: .test))
            let request = clinic.request(slot.id, for: patient)
            let clinicID = clinic.id
            try await holding(
                "SELECT FROM slots WHERE id = \(slot.id) FOR UPDATE", in: db
            ) { _ in
                let error = await #expect(throws: Unavailable.self) {
                    try await booking.book(request, in: clinicID)
                }
                #expect(error?.reason == .lockTimeout)
            }
            _ = try await booking.book(request, in: clinicID)
            await impatient.close()
        }
    }
}
