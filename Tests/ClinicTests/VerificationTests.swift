import FoundationEssentials
import Postgres
import PostgresTesting
import Testing

@testable import Clinic

@Suite("Verification finds each rule broken")
struct VerificationTests {
    /// A way to break a rule, past every constraint, and what must be found.
    struct Breakage: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let statements: [SQL]
        let number: Int
    }

    static let breakages = [
        Breakage(
            testDescription: "two on one seat",
            statements: [
                "ALTER TABLE appointments DROP CONSTRAINT appointment_one_per_seat",
                "UPDATE appointments SET slot_id = (SELECT min(slot_id::text)::uuid FROM appointments)",
            ], number: 1),
        Breakage(
            testDescription: "a seat beyond the capacity",
            statements: ["UPDATE appointments SET seat = 7"], number: 1),
        Breakage(
            testDescription: "slots that overlap",
            statements: [
                "ALTER TABLE slots DROP CONSTRAINT slot_no_overlap",
                "UPDATE slots SET ends_at = ends_at + interval '1 minute'",
            ], number: 2),
        Breakage(
            testDescription: "a patient at two places",
            statements: [
                "ALTER TABLE appointments DROP CONSTRAINT appointment_patient_no_overlap",
                """
                UPDATE appointments
                SET patient_id = (SELECT min(patient_id::text)::uuid FROM appointments),
                    ends_at = starts_at + interval '1 hour'
                """,
            ], number: 2),
        Breakage(
            testDescription: "a slot that counts wrongly",
            statements: ["UPDATE slots SET booked = 0"], number: 4),
        Breakage(
            testDescription: "a decision of which nobody was told",
            statements: ["DELETE FROM outbox WHERE kind = 'registration.approved'"], number: 5),
        Breakage(
            testDescription: "a decision of which the patient was told twice",
            statements: [
                """
                INSERT INTO outbox (clinic_id, kind, subject, id, recipient)
                SELECT clinic_id, 'registration.rejected', id || ':3', id, email
                FROM registrations
                """
            ], number: 5),
        Breakage(
            testDescription: "a patient who was told of a decision that is none",
            statements: [
                "ALTER TABLE registrations DROP CONSTRAINT registration_decision",
                "ALTER TABLE registrations DROP CONSTRAINT registration_patient_if_approved",
                "UPDATE registrations SET status = 'pending'",
            ], number: 5),
        Breakage(
            testDescription: "a decision that somebody else claims",
            statements: ["UPDATE registrations SET decided_by = 'eve'"], number: 5),
        Breakage(
            testDescription: "a message that was never queued",
            statements: ["DELETE FROM outbox"], number: 6),
        Breakage(
            testDescription: "a cancellation that was told as a booking",
            statements: [
                """
                UPDATE outbox
                SET kind = 'appointment.booked'
                WHERE kind = 'appointment.cancelled'
                """
            ], number: 6),
        Breakage(
            testDescription: "a change without a journal row",
            statements: ["UPDATE patients SET version = 2"], number: 7),
        Breakage(
            testDescription: "a hold without an end",
            statements: [
                """
                UPDATE slots
                SET held_by = (SELECT min(id::text)::uuid FROM patients),
                    held_since = now(),
                    held_until = now() + interval '1 day'
                """
            ], number: 9),
        Breakage(
            testDescription: "a slot that is blocked by a time off elsewhere",
            statements: [
                "UPDATE time_off SET starts_at = starts_at - interval '9 days', ends_at = now()"
            ],
            number: 4),
        Breakage(
            testDescription: "an appointment that is gone",
            statements: [
                """
                DELETE FROM appointments
                WHERE id = (SELECT id FROM appointments ORDER BY created_at LIMIT 1)
                """
            ], number: 3),
        Breakage(
            testDescription: "an appointment that ends later than its slot",
            statements: ["UPDATE appointments SET ends_at = ends_at + interval '1 minute'"],
            number: 3),
        Breakage(
            testDescription: "a message about nothing",
            statements: [
                """
                DELETE FROM journal WHERE action IN ('appointment.booked', 'registration.approved')
                """
            ], number: 6),
        Breakage(
            testDescription: "a free slot in time off",
            statements: ["UPDATE slots SET blocked = false, time_off_id = NULL"], number: 4),
        Breakage(
            testDescription: "an approved registration without its patient",
            statements: [
                "ALTER TABLE registrations DROP CONSTRAINT registration_patient_if_approved",
                "UPDATE registrations SET patient_id = NULL",
            ], number: 5),
        Breakage(
            testDescription: "a record with two locks",
            statements: [
                "ALTER TABLE offline_lock_targets DROP CONSTRAINT offline_lock_one_per_target",
                "INSERT INTO offline_lock_targets SELECT * FROM offline_lock_targets",
            ], number: 8),
        Breakage(
            testDescription: "a lock whose number is not the highest",
            statements: ["UPDATE offline_locks SET fencing_token = fencing_token - 1"], number: 8),
        Breakage(
            testDescription: "an answer of a booking that is not there",
            statements: [
                """
                INSERT INTO idempotency_keys (
                    clinic_id, subject, key, fingerprint, status, body, location
                )
                SELECT
                    id, 'ann', 'k', sha256(''), 201, '{}',
                    '/v1/clinics/x/appointments/' || gen_random_uuid()
                FROM clinics
                """
            ], number: 10),
        Breakage(
            testDescription: "somebody who waits for a free seat",
            statements: [
                "DELETE FROM journal",
                "UPDATE slots SET blocked = false, time_off_id = NULL",
                "UPDATE waitlist SET status = 'waiting', appointment_id = NULL",
                """
                UPDATE waitlist
                SET wanted_from = '2000-01-01', wanted_to = '2100-01-01', practitioner_id = NULL
                """,
            ], number: 11),
        Breakage(
            testDescription: "a wish that came to somebody else's appointment",
            statements: [
                """
                UPDATE waitlist
                SET appointment_id = (SELECT id FROM appointments ORDER BY created_at LIMIT 1)
                """
            ], number: 11),
        Breakage(
            testDescription: "a seat that was given away to nobody who waited",
            statements: ["UPDATE waitlist SET status = 'withdrawn'"], number: 11),
    ]

    @Test(arguments: breakages)
    func found(_ breakage: Breakage) async throws {
        try await withTestDatabase { db in
            let clinic = try await TestClinic(db)
            let slots = try await clinic.slots(5)
            let patients = try await clinic.patients(2)
            for (slot, patient) in zip(slots, patients) {
                _ = try await clinic.booking.book(
                    clinic.request(slot.id, for: patient), in: clinic.id)
            }
            try await live(clinic, slots, patients)
            let store = Store(database: db.service, environment: .test)
            let verification = Verification(store: store)
            let email = "asa@example.org"
            let registration = try await AdminService(store: store).register(
                PatientDraft(
                    name: "Åsa", email: email, phone: nil, birthDate: "1968-02-29", now: Date()),
                in: clinic.id, by: TestClinic.author)
            _ = try await AdminService(store: store).approve(
                RegistrationTarget(
                    registration.id, in: clinic.id, version: 1, by: TestClinic.author))
            let before = try await verification.run()
            #expect(before.clinics == 1 && before.breaches == [])

            try await db.owner.transaction { tx in
                for statement in breakage.statements { try tx.execute(statement) }
            }
            let after = try await verification.run()
            #expect(
                after.breaches.contains { $0.number == breakage.number && $0.clinicID == clinic.id }
            )
            #expect(after.breaches.allSatisfy { !$0.row.isEmpty })
        }
    }
    /// A time off, a cancellation, a record's lock, and a seat for somebody who joins the waitlist.
    private func live(_ clinic: TestClinic, _ slots: [Slot], _ patients: [UUID]) async throws {
        let cancelled = try await clinic.booking.book(
            clinic.request(slots[2].id, for: patients[0]), in: clinic.id)
        _ = try await clinic.booking.cancel(
            AppointmentTarget(cancelled.id, in: clinic.id, by: TestClinic.author), reason: nil)
        _ = try await clinic.calendar.createTimeOff(
            TimeOff.Draft(
                practitionerID: clinic.dermatologist, startsAt: slots[4].startsAt,
                endsAt: slots[4].endsAt, reason: nil),
            in: clinic.id, by: TestClinic.author)
        _ = try await OfflineLockService(store: clinic.booking.store).acquire(
            LockRequest(
                targets: [LockTarget(type: .patient, id: patients[0])], reason: "a visit"),
            in: clinic.id, by: TestClinic.author)
        let joined = try await WaitlistService(store: clinic.booking.store).join(
            WaitlistRequest(
                patientID: patients[1], practitionerID: nil, from: slots[3].startsAt,
                to: slots[3].endsAt, author: TestClinic.author),
            in: clinic.id)
        #expect(joined.status == .promoted)
    }
}
