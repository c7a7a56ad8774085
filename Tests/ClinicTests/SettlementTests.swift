import Dispatch
import FoundationEssentials
import Postgres
import PostgresTesting
import Testing

@testable import Clinic

@Suite("A commit whose answer was lost is settled, not guessed")
struct SettlementTests {
    @Test("it took effect: the booking is told as it was made, and so is the refusal beside it")
    func committed() async throws {
        try await withUnreliableClinic { scene in
            scene.proxy.arm(.loseAnswer, passing: 1)
            let outcomes = await BookingDesk(store: scene.booking.store).book(
                scene.patients.map { scene.clinic.booking(scene.slot, for: $0) },
                in: scene.clinic.id, waitingForLocks: false)
            let appointments = try await scene.appointments()
            #expect(appointments.map(\.patientID) == [scene.patients[0]])
            guard case .booked(let booked) = outcomes[0], case .refused(.slotTaken, _) = outcomes[1]
            else {
                Issue.record("\(outcomes)")
                return
            }
            #expect([booked] == appointments)
        }
    }

    @Test("an approval took effect: its patient is told as it was made")
    func approved() async throws {
        try await withUnreliableClinic { scene in
            let author = TestClinic.author
            let email = "asa@example.org"
            let registration = try await AdminService(store: scene.clinic.booking.store).register(
                PatientDraft(
                    name: "Åsa", email: email, phone: nil, birthDate: "1968-02-29", now: Date()),
                in: scene.clinic.id, by: author)
            scene.proxy.arm(.loseAnswer, passing: 1)
            let approval = try await AdminService(store: scene.booking.store).approve(
                RegistrationTarget(registration.id, in: scene.clinic.id, version: 1, by: author))
            #expect(approval.registration.patientID == approval.patient.id)
            #expect(approval.patient.email == email)
            let report = try await Verification(store: scene.clinic.booking.store).run()
            #expect(report.breaches.isEmpty)
        }
    }

    @Test("it never arrived: the work is done again, once")
    func neverArrived() async throws {
        try await withUnreliableClinic { scene in
            scene.proxy.arm(.delayRequest, passing: 1)
            let booked = try await scene.book()
            let appointments = try await scene.appointments()
            #expect(appointments == [booked])
        }
    }

    @Test(
        "it is still in progress: the second run waits for it, however long, and tells its outcome")
    func inProgress() async throws {
        try await withUnreliableClinic { scene in
            // Keeps the foreign key of the appointment waiting.
            try await holding(
                "SELECT FROM patients WHERE id = \(scene.patients[0]) FOR UPDATE", in: scene.db
            ) { hold in
                scene.proxy.arm(.loseClient, passing: 1)
                async let booking = scene.book()
                // The original waits for the patient, the second run for the original's marker.
                try await Sessions(of: scene.db).wait(until: .blocked, 2)
                hold.release()
                let booked = try await booking
                let appointments = try await scene.appointments()
                #expect(appointments == [booked])
            }
        }
    }

    @Test("it arrives after it was done again: it finds the marker and changes nothing")
    func arrivesLate() async throws {
        try await withUnreliableClinic { scene in
            let runs = RunCounter()
            let id = UUID()
            scene.proxy.arm(.delayRequest)
            let made = try await scene.booking.store.write(to: id) { tx in
                scene.insertClinic(id, name: "run \(runs.begin())", tx)
            }
            #expect(made == "run 2")
            scene.proxy.deliver()
            try await Sessions(of: scene.db).wait(until: .aborted)
            let clinic = try await scene.clinic.calendar.clinic(id)
            #expect(clinic.name == "run 2")
        }
    }

    @Test("it arrives after it was refused, because the world had changed: refused it stays")
    func arrivesAfterRefusal() async throws {
        try await withUnreliableClinic { scene in
            struct Changed: Error {}
            let runs = RunCounter()
            let id = UUID()
            scene.proxy.arm(.delayRequest)
            await #expect(throws: Changed.self) {
                try await scene.booking.store.write(to: id) { tx in
                    guard runs.begin() == 1 else { throw Changed() }
                    return scene.insertClinic(id, name: "run 1", tx)
                }
            }
            scene.proxy.deliver()
            try await Sessions(of: scene.db).wait(until: .aborted)
            await #expect(throws: CalendarError.clinicNotFound) {
                try await scene.clinic.calendar.clinic(id)
            }
        }
    }

    @Test("no server can be asked in time: the outcome is not known, and that is what is said")
    func nobodyToAsk() async throws {
        try await withPrivateServer { server in
            let clinic = try await TestClinic(server.database)
            let slot = try await clinic.slots(1)[0].id
            let patient = try await clinic.patients(1)[0]
            try await server.loseStandby()
            let impatient = BookingService(
                store: Store(
                    database: server.database.service, environment: .test,
                    deadline: .seconds(1)))
            let error = await #expect(throws: Unavailable.self) {
                try await impatient.book(clinic.request(slot, for: patient), in: clinic.id)
            }
            #expect(error?.reason == .outcomeUnknown)
        }
    }

    @Test("the wait for the synchronous standby was given up: not acknowledged until it has it")
    func standbyReturns() async throws {
        try await withPrivateServer { server in
            let clinic = try await TestClinic(server.database)
            let slot = try await clinic.slots(1)[0].id
            let patient = try await clinic.patients(1)[0]
            let sessions = Sessions(of: server.database)
            try await server.loseStandby()
            try await sessions.cancel(.waitingForStandby)
            let answered = RunCounter()
            let booking = Task {
                defer { answered.begin() }
                return try await clinic.booking.book(
                    clinic.request(slot, for: patient), in: clinic.id)
            }
            // Somebody gives up the wait: from here on the appointment is there, on this server.
            var committed: [Appointment] = []
            while committed.isEmpty {
                try await sessions.cancel(.waitingForStandby)
                committed = try await clinic.booking.appointments(
                    in: clinic.id, where: AppointmentFilter(), PageRequest()
                ).items
            }
            // Its settling waits for the standby, too.
            try await sessions.wait(until: .waitingForStandby)
            #expect(answered.count == 0)
            try await server.regainStandby()
            #expect(try await [booking.value] == committed)
        }
    }
}

/// A clinic whose service reaches the database over a network that may fail.
private struct UnreliableClinic: Sendable {
    let db: TestDatabase
    let proxy: FaultProxy
    /// Over a network of its own that does not fail.
    let clinic: TestClinic
    /// Over the one that may.
    let booking: BookingService
    let slot: UUID
    let patients: [UUID]

    func book() async throws -> Appointment {
        try await booking.book(clinic.request(slot, for: patients[0]), in: clinic.id)
    }

    func appointments() async throws -> [Appointment] {
        try await clinic.booking.appointments(
            in: clinic.id, where: AppointmentFilter(), PageRequest()
        ).items
    }

    /// A change that is one round trip, marker and `COMMIT` included.
    func insertClinic(_ id: UUID, name: String, _ tx: Transaction) -> Outcome<String> {
        .pending(
            tx.pipeline.one(
                Scalar<String>.self,
                """
                INSERT INTO clinics (id, name, time_zone)
                VALUES (\(id), \(name), 'Europe/Berlin')
                RETURNING name
                """
            ).map(\.value)
        ) { _ in Pending { "recalled" } }
    }
}

private func withUnreliableClinic(
    _ body: @Sendable (UnreliableClinic) async throws -> Void
) async throws {
    try await withTestDatabase { db in
        try await withFaultProxy(to: db) { proxy in
            let clinic = try await TestClinic(db)
            var configuration = DatabaseConfiguration(url: proxy.url, role: "holdfast_service")
            // One connection for what fails and one for settling it; a transaction whose client is
            // gone soon ends.
            configuration.poolSize = 1
            configuration.connectTimeout = .seconds(15)
            configuration.lockTimeout = .seconds(10)
            configuration.idleInTransactionTimeout = .milliseconds(1500)
            let database = Database(configuration)
            let booking = BookingService(store: Store(database: database, environment: .test))
            let scene = try await UnreliableClinic(
                db: db, proxy: proxy, clinic: clinic, booking: booking,
                slot: clinic.slots(1)[0].id, patients: clinic.patients(2))
            // Finds the connection, so that what follows is the service's own round trips.
            _ = try await booking.appointment(scene.slot, in: clinic.id)
            try await body(scene)
            await database.close()
        }
    }
}
