import Clinic
import Foundation
import HTTPFront
import Postgres
import PostgresTesting
import Proof
import ServiceTesting
import Testing

/// Has a service send all statements that it has: every request, and what an instance does by itself.
struct Survey {
    /// By which the server's log tells its sessions from others.
    let application: String

    /// With two clinics, one behind the other, so that what is one's could be found at the other's.
    func run(on database: TestDatabase) async throws {
        try await withFaultProxy(to: database) { proxy in
            try await database.withService({
                $0.url = proxy.url
                $0.applicationName = application
                // So that most plans name the clinic that they are for.
                $0.plansOnce = false
            }) { pool in
                try await withService(on: database, pool) { service in
                    for _ in 1...2 {
                        let fixture = try await Fixture(service)
                        try await change(fixture)
                        try await read(fixture)
                        try await lock(fixture)
                        try await wait(fixture)
                        try await doubt(fixture, proxy)
                        try await keepHouse(service)
                    }
                }
            }
        }
    }

    /// What the sources change rows with: of each statement the beginning, up to the first value, if it names its
    /// table.
    static func writingStatements() throws -> Set<String> {
        let folder = URL(filePath: TestServer.project("Sources/Clinic"))
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        var statements: Set<String> = []
        while let file = files?.nextObject() as? URL {
            guard file.pathExtension == "swift" else { continue }
            let code = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
                .filter { !$0.contains("//") && !$0.contains(/^ *--/) }
                .joined(separator: " ")
            for match in code.matches(of: /(UPDATE|DELETE FROM|INSERT INTO) [a-z_]+ [^\\"`]+/) {
                statements.insert(
                    match.output.0.split(whereSeparator: \.isWhitespace).joined(separator: " "))
            }
        }
        return statements
    }

    private func change(_ fixture: Fixture) async throws {
        for request in WireRequest.all {
            let answer = try await request.send(in: fixture)
            #expect((200..<300).contains(answer.status), "\(request): \(answer.told)")
        }
    }

    private func read(_ fixture: Fixture) async throws {
        let patient = try await fixture.patient(named: "reader")
        let slot = try await fixture.slots(1, from: Date(timeIntervalSinceNow: 3 * 86_400))[0]
        let appointment = try await fixture.booked(slot, for: patient)
        let registration = try await fixture.registration("dora@example.org")
        let wish = try await fixture.waiting(patient.id)
        let practitioner = fixture.practitioner.id.text
        for path in [
            "practitioners", "practitioners/\(practitioner)", "slots", "slots?status=free",
            "slots?practitioner_id=\(practitioner)", "slots/\(slot.id.text)",
            "practitioners/\(practitioner)/calendar.ics", "time-off", "appointments",
            "appointments?patient_id=\(patient.id.text)", "appointments/\(appointment)",
            "appointments/\(appointment).ics", "waitlist", "waitlist/\(wish.id.text)",
            "patients", "patients?query=p", "patients/\(patient.id.text)",
            "locks?type=patient&id=\(patient.id.text)", "registrations",
            "registrations/\(registration.id.text)", "messages",
            "audit?object_type=slot&object_id=\(slot.id.text)",
        ] {
            let answer = try await fixture.send("GET", path, as: fixture.admin)
            #expect(answer.status == 200, "\(path): \(answer.told)")
        }
    }

    /// A lock that is acquired twice and let go of twice, and one whose end is told.
    private func lock(_ fixture: Fixture) async throws {
        let desk = try await LockDesk(fixture, prefix: "lock ")
        let token = try await desk.acquire(as: "asa", [desk.ann]).token
        #expect(try await desk.acquire(as: "asa", [desk.ann]).status == 200)
        for _ in 1...2 { #expect(try await desk.release(token, as: "asa").status == 204) }
        let forgotten = try await desk.acquire(as: "asa", [desk.bob], onExpiry: "notify")
        try await desk.expire(forgotten)
        #expect(try await OfflineLockService(store: fixture.service.store).sweep() == 1)
    }

    /// A wish that a cancellation fulfils, one that its patient fulfils, and one that the end of a hold does.
    private func wait(_ fixture: Fixture) async throws {
        let slots = try await fixture.slots(3, from: Date(timeIntervalSinceNow: 2 * 86_400))
        let patients = try await fixture.patients(4, named: "waiting")
        let appointment = try await fixture.booked(slots[0], for: patients[0])
        _ = try await fixture.wait(patients[1], from: slots[0])
        #expect(try await fixture.cancel(appointment).status == 200)
        for (slot, patient) in [(slots[1], patients[2]), (slots[2], patients[3])] {
            #expect(try await fixture.hold(slot, for: patients[0]).status == 201)
            _ = try await fixture.wait(patient, from: slot)
            try await fixture.endTime(ofHoldOn: slot)
        }
        _ = try await fixture.booked(slots[1], for: patients[2])
        let waitlist = WaitlistService(store: fixture.service.store)
        #expect(try await waitlist.offerExpiredHolds() == 1)
    }

    /// A commit whose answer is lost.
    private func doubt(_ fixture: Fixture, _ proxy: FaultProxy) async throws {
        for passing in 0...2 {
            proxy.arm(.loseAnswer, passing: passing)
            let answer = try await fixture.send(
                "POST", "practitioners", as: fixture.admin,
                #"{"name": "Dr Doubt", "specialty": "surgery"}"#)
            #expect(answer.status == 201)
        }
    }

    /// What an instance does by itself.
    private func keepHouse(_ service: Service) async throws {
        let store = service.store
        _ = try await Housekeeping(store: store, markerLifetime: 0).sweepMarkers()
        _ = try await Housekeeping(store: store).sweepIdempotencyKeys()
        // To be tried again, for good, and not at all any more.
        _ = try await MailRoom(service, url: "smtp://127.0.0.1:1").courier().deliverDue()
        try await withMailSink { sink in
            let room = MailRoom(service, url: "smtp://127.0.0.1:\(sink.port)")
            try await room.makeAllDue()
            try await sink.answer(.rcpt, "550 no such mailbox")
            _ = try await room.courier().deliverDue()
        }
        _ = try await Verification(store: store).run()
    }
}
