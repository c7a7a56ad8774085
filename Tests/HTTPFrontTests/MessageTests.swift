import Clinic
import FoundationEssentials
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting
import Testing

@Suite("What people are told by e-mail", .timeLimit(.minutes(30)))
struct MessageTests {
    @Test("a booking: when, in the clinic's time, with whom, and a file for the calendar")
    func booked() async throws {
        try await withMail { fixture, sink, room in
            // Summer time there.
            let start = try Date("2031-07-01T09:00:00Z", strategy: .iso8601)
            let slot = try await fixture.slots(1, from: start)[0]
            let patient = try await fixture.patient(named: "ann")
            let appointment = try await fixture.book(slot.id, as: patient)
            let id = try #require(try appointment.json["id"]?.text)
            try await room.courier().deliverDue()

            let mail = try #require(try await sink.received.first)
            #expect(mail["From"] == "Lindenhof <clinic@example.org>")
            #expect(mail["To"] == "ann <ann@example.org>")
            #expect(mail["Subject"] == "Your appointment on Tuesday, 1 July 2031, 11:00")
            let text = try #require(mail.text("text/plain"))
            #expect(text.contains("When: Tuesday, 1 July 2031, 11:00 to 11:15 (Europe/Berlin)\r\n"))
            #expect(text.contains("With: Dr. Ada Abel\r\n"))
            let html = try #require(mail.text("text/html"))
            #expect(html.contains("Tuesday, 1 July 2031, 11:00 to 11:15 (Europe/Berlin)"))

            let file = try #require(mail.parts.last)
            #expect(file.type == "text/calendar" && file.name == "appointment.ics")
            let lines = file.text.split(separator: "\r\n")
            for line in [
                "UID:\(id)", "SEQUENCE:1", "DTSTART:20310701T090000Z", "DTEND:20310701T091500Z",
                "SUMMARY:Appointment with Dr. Ada Abel", "LOCATION:Lindenhof", "STATUS:CONFIRMED",
            ] {
                #expect(lines.contains(Substring(line)))
            }

            let message = try await fixture.messages("?status=sent")[0]
            #expect(message["kind"]?.text == "appointment.booked")
            #expect(message["subject"]?.text == "\(id):1")
            #expect(message["recipient"]?.text == "ann@example.org")
            #expect(message["attempts"]?.integer == 1)
            #expect(message["last_error"] == .null)
            #expect(message["sent_at"] != .null)
            #expect(mail["Message-ID"] == "<\(message["id"]?.text ?? "")@holdfast.invalid>")
            #expect(try await fixture.messages("?status=queued").isEmpty)
        }
    }

    @Test("an approved and a rejected registration: one message each, which says so")
    func decided() async throws {
        try await withMail { fixture, sink, room in
            for (action, body) in [("approve", nil), ("reject", #"{"reason": "no such street"}"#)] {
                let id = try await fixture.registration("\(action)@example.org").id.text
                let answer = try await fixture.service.send(
                    "POST", fixture.path("registrations/\(id)/\(action)"), token: fixture.admin,
                    body: body, headers: ["If-Match": "\"1\""])
                #expect(answer.status == 200)
            }
            try await room.courier().deliverDue()
            let received = try await sink.received
            #expect(received.count == 2)
            let approved = try #require(received.first { $0.recipients == ["approve@example.org"] })
            #expect(approved["Subject"] == "You are registered at Lindenhof")
            #expect(approved.text("text/plain")?.hasPrefix("Dear Åsa Lindqvist,\r\n") == true)
            #expect(approved.parts.count == 2)
            let rejected = try #require(received.first { $0.recipients == ["reject@example.org"] })
            #expect(rejected["Subject"] == "Your registration at Lindenhof")
            #expect(rejected.text("text/plain")?.contains("Reason: no such street\r\n") == true)
        }
    }

    @Test("a cancelled and a moved appointment: what was, what is, and the calendar follows")
    func changed() async throws {
        try await withMail { fixture, sink, room in
            let start = try Date("2031-01-07T09:00:00Z", strategy: .iso8601)
            let slot = try await fixture.slots(1, from: start)[0]
            let answer = try await fixture.book(
                slot.id, as: try await fixture.patient(named: "ann"))
            let id = try #require(try answer.json["id"]?.text)
            // As the changes that are still to come will write it.
            for (version, kind, more) in [
                (2, "moved", #"{"previous_starts_at": "2031-07-07T10:00:00+00:00"}"#),
                (3, "cancelled", #"{"reason": "the practice is closed"}"#),
            ] {
                try await room.service.database.owner.transaction { tx in
                    try tx.execute(
                        """
                        INSERT INTO journal
                        SELECT
                            clinic_id,
                            object_type,
                            object_id,
                            \(version),
                            gen_random_uuid(),
                            clock_timestamp(),
                            actor,
                            'appointment.' || \(kind),
                            request_id,
                            detail || \(more)::jsonb
                        FROM journal
                        WHERE object_id = \(id)::uuid AND version = 1
                        """)
                    try tx.execute(
                        """
                        INSERT INTO outbox (clinic_id, kind, subject, id, recipient)
                        SELECT
                            clinic_id,
                            'appointment.' || \(kind),
                            \(id) || ':' || \(version)::text,
                            gen_random_uuid(),
                            recipient
                        FROM outbox
                        WHERE subject = \(id) || ':1'
                        """)
                }
            }
            try await room.courier().deliverDue()
            let received = try await sink.received
            #expect(
                received.compactMap { $0["Subject"] } == [
                    "Your appointment on Tuesday, 7 January 2031, 10:00",
                    "Moved: your appointment is now on Tuesday, 7 January 2031, 10:00",
                    "Cancelled: your appointment on Tuesday, 7 January 2031, 10:00",
                ])
            #expect(
                received[1].text("text/plain")?
                    .contains("Before: Monday, 7 July 2031, 12:00\r\n") == true)
            #expect(
                received[2].text("text/plain")?
                    .contains("Reason: the practice is closed\r\n") == true)
            #expect(received[2].parts.last?.text.contains("STATUS:CANCELLED\r\n") == true)
            #expect(received[2].parts.last?.text.contains("SEQUENCE:3\r\n") == true)
            #expect(Set(received.map { $0.parts.last?.text.contains("UID:\(id)\r\n") }) == [true])
        }
    }

    @Test(
        "what a name or a reason holds arrives as text: no other recipient, no other message",
        arguments: [
            "Ann\r\nBcc: eve@example.org", "\n.\r\nMAIL FROM:<eve@example.org>",
            "<script>alert(1)</script> & \"Ann\"", "BEGIN:VEVENT\r\nEND:VCALENDAR;,\\",
        ])
    func injection(text: String) async throws {
        try await withMail { fixture, sink, room in
            let json = String(decoding: try JSONEncoder().encode(text), as: UTF8.self)
            let made = try await fixture.service.send(
                "POST", fixture.path("registrations"),
                body: """
                    {"name": \(json), "email": "ann@example.org", "birth_date": "1968-02-29"}
                    """)
            let id = try #require(try made.json["id"]?.text)
            let rejected = try await fixture.service.send(
                "POST", fixture.path("registrations/\(id)/reject"), token: fixture.admin,
                body: #"{"reason": \#(json)}"#, headers: ["If-Match": "\"1\""])
            #expect(rejected.status == 200)
            try await room.courier().deliverDue()
            let received = try await sink.received
            try #require(received.count == 1)
            #expect(received[0].recipients == ["ann@example.org"])
            #expect(received[0].all("Bcc").isEmpty && received[0].all("From").count == 1)
            let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            let plain = try #require(received[0].text("text/plain"))
            #expect(
                plain.split(whereSeparator: \.isWhitespace).joined(separator: " ").contains(line))
            #expect(received[0].text("text/html")?.contains("<script") == false)
        }
    }

    @Test("a calendar line is never longer than 75 bytes, and no character of it is divided")
    func folding() async throws {
        try await withMail { fixture, sink, room in
            let name = String(repeating: "Ünï, 李; ", count: 20) + "\n\\"
            let calendar = CalendarService(store: fixture.service.store)
            let practitioner = try await calendar.createPractitioner(
                name: name, specialty: "dermatology", in: fixture.clinic.id, by: Fixture.author)
            let start = Date(timeIntervalSinceNow: 86_400)
            let slot = try await calendar.createSlots(
                [
                    SlotDraft(
                        practitionerID: practitioner.id, startsAt: start,
                        endsAt: start.addingTimeInterval(900))
                ], in: fixture.clinic.id, by: Fixture.author)[0]
            let patient = try await fixture.patient(named: "ann")
            #expect(try await fixture.book(slot.id, as: patient).status == 201)
            try await room.courier().deliverDue()
            let file = try #require(try await sink.received.first?.parts.last?.text)
            #expect(file.split(separator: "\r\n").allSatisfy { $0.utf8.count <= 75 })
            let escaped = name.replacing("\\", with: "\\\\").replacing(",", with: "\\,")
                .replacing(";", with: "\\;").replacing("\n", with: "\\n")
            #expect(
                file.replacing("\r\n ", with: "").contains("SUMMARY:Appointment with \(escaped)"))
        }
    }

    @Test("the list is in pages, by status, and a patient without an address is a failed message")
    func list() async throws {
        try await withMail { fixture, sink, room in
            try await fixture.bookings(3)
            let store = fixture.service.store
            let patient = try await PatientService(store: store).createPatients(
                [
                    PatientDraft(
                        name: "Ann", email: nil, phone: nil, birthDate: "1968-02-29", now: Date())
                ], in: fixture.clinic.id, by: Fixture.author)[0]
            let start = Date(timeIntervalSinceNow: 10 * 86_400)
            let slot = try await fixture.slots(1, from: start)[0]
            #expect(try await fixture.book(slot.id, as: patient).status == 201)
            #expect(try await fixture.messages("?limit=2").count == 2)
            #expect(try await fixture.messages("").count == 4)
            #expect(try await fixture.messages("?status=queued").count == 3)
            let failed = try await fixture.messages("?status=failed")
            #expect(failed.map { $0["recipient"] } == [.null])
            #expect(failed[0]["last_error"]?.text == "the patient has no e-mail address")
            let wrong = try await fixture.service.send(
                "GET", fixture.path("messages?status=lost"), token: fixture.admin)
            #expect(wrong.status == 422)
        }
    }

    private func withMail(
        _ body: @escaping @Sendable (Fixture, MailSink, MailRoom) async throws -> Void
    ) async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            try await withMailSink { sink in
                try await body(fixture, sink, MailRoom(service, url: sink.url))
            }
        }
    }
}

extension Fixture {
    /// The clinic's messages, as an administrator sees them.
    fileprivate func messages(_ query: String) async throws -> [JSONValue] {
        let answer = try await service.send("GET", path("messages\(query)"), token: admin)
        return try answer.json["items"]?.list ?? []
    }
}
