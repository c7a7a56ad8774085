import Clinic
import Foundation
import Mail
import Postgres
import PostgresTesting
import ServiceTesting
import Testing

@Suite("A courier takes each message to the mail server", .timeLimit(.minutes(30)))
struct CourierTests {
    @Test("what is put off for a code of 400 is sent at a later attempt, under the same Message-ID")
    func putOff() async throws {
        try await withMail(to: ["ann"]) { sink, room in
            try await sink.answer(.rcpt, "451 4.2.1 greylisted")
            try await sink.answer(.data, "452 4.3.1 disk full")
            let courier = try room.courier()
            #expect(try await courier.deliverDue() == .done)
            let first = try await room.entries()[0]
            #expect(first.status == "queued" && first.attempts == 1)
            #expect(first.lastError == "451 4.2.1 greylisted")
            // Between half of five seconds and all of them.
            #expect((2000...5000).contains(first.pause))

            #expect(try await courier.deliverDue() == .done)
            #expect(try await room.entries()[0].attempts == 1)

            try await room.makeAllDue()
            #expect(try await courier.deliverDue() == .done)
            let second = try await room.entries()[0]
            #expect(second.attempts == 2 && second.lastError == "452 4.3.1 disk full")
            #expect((4500...10_000).contains(second.pause))

            try await room.makeAllDue()
            #expect(try await courier.deliverDue() == .done)
            let last = try await room.entries()[0]
            #expect(last.status == "sent" && last.attempts == 3 && last.lastError == nil)
            let received = try await sink.received
            #expect(received.map { $0["Message-ID"] } == ["<\(last.messageID)>"])
        }
    }

    @Test("what is refused with a code of 500 is given up, with the server's words, and once")
    func refused() async throws {
        try await withMail(to: ["ann", "ben"]) { sink, room in
            try await sink.answer(.rcpt, to: "ann", "550 5.1.1 no such user")
            let courier = try room.courier()
            #expect(try await courier.deliverDue() == .done)
            let entries = try await room.entries()
            #expect(entries.map(\.status) == ["failed", "sent"])
            #expect(entries[0].lastError == "550 5.1.1 no such user")
            try await room.makeAllDue()
            #expect(try await courier.deliverDue() == .done)
            #expect(try await sink.received.map(\.recipients) == [["ben@example.org"]])
        }
    }

    @Test("a poisoned message does not hold the others")
    func poisoned() async throws {
        try await withMail(to: ["p0", "p1", "p2", "p3", "p4"]) { sink, room in
            try await sink.answer(.rcpt, to: "p0", "451 4.7.1 try later", times: 100)
            try await sink.answer(.data, to: "p2", "554 5.6.0 cannot be read", times: 100)
            // What no journal row tells of, as if somebody had meddled with the data.
            try await room.service.database.owner.transaction { tx in
                try tx.execute(
                    """
                    DELETE FROM journal
                    USING outbox
                    WHERE outbox.recipient = 'p3@example.org'
                        AND outbox.subject = journal.object_id || ':' || journal.version
                    """)
            }
            #expect(try await room.courier().deliverDue() == .done)
            #expect(
                try await room.entries().map(\.status)
                    == ["queued", "sent", "failed", "failed", "sent"])
            #expect(try await sink.received.count == 2)
        }
    }

    @Test("attempts have a limit, also for a message that no courier survives")
    func limit() async throws {
        try await withMail(to: ["ann"]) { sink, room in
            try await sink.answer(.rcpt, "451 4.2.1 later", times: 100)
            let courier = try room.courier { $0.attempts = 2 }
            #expect(try await courier.deliverDue() == .done)
            try await room.makeAllDue()
            #expect(try await courier.deliverDue() == .done)
            #expect(try await room.entries()[0].status == "failed")
            #expect(try await room.entries()[0].lastError == "451 4.2.1 later")
        }
        try await withMail(to: ["ann"]) { sink, room in
            // Claimed and never heard of again.
            let doomed = try room.courier {
                $0.attempts = 2
                $0.lease = .zero
            }
            let counter = RunCounter()
            #expect(try await doomed.deliverDue { counter.begin() <= 2 } == .done)
            #expect(try await room.entries()[0].attempts == 2)
            #expect(try await room.courier { $0.attempts = 2 }.deliverDue() == .done)
            let entry = try await room.entries()[0]
            #expect(entry.status == "failed" && entry.lastError == "no attempt came to an end")
            #expect(try await sink.received.isEmpty)
        }
    }

    @Test("an attempt that could not end within its lease is not begun")
    func lapsed() async throws {
        try await withMail(to: ["ann"]) { sink, room in
            let slow = try room.courier { $0.lease = .seconds(359) }
            #expect(try await slow.deliverDue() == .done)
            #expect(try await room.entries()[0].attempts == 1)
            #expect(try await sink.received.isEmpty)
            #expect(try await room.entries()[0].status == "queued")
        }
    }

    @Test("the server is down, shuts down, or wants another password: nothing is given up")
    func serverAway() async throws {
        try await withMail(to: ["ann", "ben"]) { sink, room in
            for rule in [
                (MailSink.Command.mail, "421 4.3.2 shutting down"), (.mail, "530 5.7.0 log in"),
                (.mail, "451 4.3.0 local error"), (.mail, "550 5.7.1 not from you"),
            ] {
                try await sink.answer(rule.0, rule.1)
                #expect(try await room.courier().deliverDue() == .serverAway)
                #expect(Set(try await room.entries().map(\.status)) == ["queued"])
                let errors = try await room.entries().map(\.lastError)
                #expect(errors.contains(rule.1))
                try await room.makeAllDue()
            }
            let down = MailRoom(room.service, url: "smtp://127.0.0.1:1")
            #expect(try await down.courier().deliverDue() == .serverAway)
            try await room.makeAllDue()
            #expect(try await room.courier().deliverDue() == .done)
            #expect(try await room.entries().map(\.status) == ["sent", "sent"])
            #expect(try await sink.received.count == 2)
        }
    }

    @Test(
        "a server that accepts a message and hangs: it is sent again, as the same message, five times"
    )
    func hangs() async throws {
        try await withMail(to: ["ann"]) { sink, room in
            for attempt in 1...5 {
                try await sink.hold(.accepted)
                let ending = try await room.courier(patience: .short).deliverDue()
                #expect(ending == .done)
                #expect(try await sink.received.count == attempt)
                try await sink.release(.accepted)
                try await room.makeAllDue()
            }
            #expect(try await room.courier().deliverDue() == .done)
            let received = try await sink.received
            #expect(received.count == 5)
            #expect(Set(received.map { $0["Message-ID"] }).count == 1)
            let entry = try await room.entries()[0]
            #expect(entry.status == "failed")
            #expect(entry.lastError == "the server did not answer in time")
        }
    }

    @Test(
        "a message over which the connection ends does not hold the others; two in a row are the server's"
    )
    func interrupted() async throws {
        try await withMail(to: ["p0", "p1", "p2"]) { sink, room in
            try await sink.answer(.rcpt, to: "p1", "421 4.3.2 not this one")
            #expect(try await room.courier().deliverDue() == .done)
            #expect(try await room.entries().map(\.status) == ["sent", "queued", "sent"])
        }
        try await withMail(to: ["p0", "p1", "p2"]) { sink, room in
            try await sink.answer(.rcpt, "421 4.3.2 shutting down", times: 2)
            #expect(try await room.courier().deliverDue() == .serverAway)
            #expect(try await room.entries().map(\.attempts) == [1, 1, 0])
        }
    }

    @Test("a server that ends the connection after some messages gets the next one over a new one")
    func fewAtATime() async throws {
        try await withMail(to: ["p0", "p1", "p2"]) { sink, room in
            try await sink.endConnections(afterMessages: 1)
            #expect(try await room.courier().deliverDue() == .done)
            let entries = try await room.entries()
            #expect(entries.allSatisfy { $0.status == "sent" && $0.attempts == 1 })
            #expect(Set(try await sink.received.map(\.client)).count == 3)
        }
    }

    @Test("an appointment that is over is not written about any more")
    func tooLate() async throws {
        try await withMail(to: ["ann"]) { sink, room in
            try await room.service.database.owner.transaction { tx in
                try tx.execute(
                    """
                    UPDATE journal
                    SET detail = detail || jsonb_build_object('ends_at', clock_timestamp())
                    WHERE action = 'appointment.booked'
                    """)
            }
            #expect(try await room.courier().deliverDue() == .done)
            let entry = try await room.entries()[0]
            #expect(entry.status == "failed" && entry.lastError?.contains("was over") == true)
            #expect(try await sink.received.isEmpty)
        }
    }

    @Test("the word of an attempt whose lease is over counts no more, whoever comes first")
    func overtaken() async throws {
        try await withMail(to: ["ann"]) { sink, room in
            try await sink.hold(.rcpt, "550 5.1.1 no such user")
            async let late = room.courier().deliverDue()
            try await sink.waitUntilHolding()
            try await room.makeAllDue()
            try await sink.hold(.accepted)
            async let next = room.courier().deliverDue()
            try await sink.waitUntilHolding(2)
            try await sink.release(.rcpt)
            #expect(try await late == .done)
            #expect(try await room.entries()[0].status == "queued")
            try await sink.release(.accepted)
            #expect(try await next == .done)
            let entry = try await room.entries()[0]
            #expect(entry.status == "sent" && entry.attempts == 2)
        }
    }

    @Test("what was accepted is written down as soon as there is a database again")
    func databaseAway() async throws {
        try await withMail(to: ["ann"]) { sink, room in
            try await sink.hold(.accepted)
            let delivering = Task { try await room.courier().deliverDue() }
            try await sink.waitUntilHolding()
            // Nobody can write to the row before the courier has tried in vain.
            let sessions = Sessions(of: room.service.database)
            try await holding("SELECT FROM outbox FOR UPDATE", in: room.service.database) { _ in
                try await sink.release(.accepted)
                try await sessions.wait(until: .blocked)
                try await sessions.wait(untilAtMost: 0, .blocked)
                try await sessions.wait(until: .blocked)
            }
            #expect(try await delivering.value == .done)
            #expect(try await room.entries()[0].status == "sent")
            #expect(try await sink.received.count == 1)
        }
    }

    @Test("a message that another courier is claiming is stepped over, not waited for")
    func steppedOver() async throws {
        try await withMail(to: ["ann", "ben"]) { sink, room in
            try await holding(
                "SELECT FROM outbox WHERE recipient = 'ann@example.org' FOR UPDATE",
                in: room.service.database
            ) { _ in
                let ending = try await room.courier().deliverDue()
                #expect(ending == .done)
            }
            let recipients = try await sink.received.map(\.recipients)
            #expect(recipients == [["ben@example.org"]])
        }
    }

    @Test("a kind that only a newer service knows is left to a newer courier")
    func unknownKind() async throws {
        try await withMail(to: ["ann"]) { sink, room in
            try await room.service.database.owner.transaction { tx in
                try tx.execute("UPDATE outbox SET kind = 'appointment.praised'")
            }
            #expect(try await room.courier().deliverDue() == .done)
            #expect(try await room.entries()[0].attempts == 0)
        }
    }

    @Test("no clinic waits until another one's messages are all gone")
    func turns() async throws {
        try await withService { service in
            for name in ["North", "South"] {
                try await Fixture(service, named: name).bookings(30)
            }
            try await withMailSink { sink in
                try await MailRoom(service, url: sink.url).courier().deliverDue()
                let senders = try await sink.received.prefix(20).compactMap { $0["From"] }
                #expect(Set(senders).count == 2)
                #expect(try await sink.received.count == 60)
            }
        }
    }

    @Test("four couriers on 2,000 messages send 2,000")
    func share() async throws {
        try await withService { service in
            try await withMailSink { sink in
                for _ in 1...4 {
                    try await Fixture(service).bookings(500)
                }
                let room = MailRoom(service, url: sink.url)
                try await withThrowingTaskGroup { group in
                    for _ in 1...4 {
                        let courier = try room.courier()
                        group.addTask { _ = try await courier.deliverDue() }
                    }
                    try await group.waitForAll()
                }
                let received = try await sink.received
                #expect(received.count == 2000)
                #expect(Set(received.map { $0["Message-ID"] }).count == 2000)
                #expect(Set(received.map(\.client)).count >= 4)
                let entries = try await room.entries()
                #expect(entries.allSatisfy { $0.status == "sent" && $0.attempts == 1 })
            }
        }
    }

    /// Calls `body` once a message to each of these is queued: `<name>@example.org`.
    private func withMail(
        to names: [String], _ body: @escaping @Sendable (MailSink, MailRoom) async throws -> Void
    ) async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let slots = try await fixture.slots(names.count)
            for (name, slot) in zip(names, slots) {
                let patient = try await fixture.patient(named: name)
                #expect(try await fixture.book(slot.id, as: patient).status == 201)
            }
            try await withMailSink { sink in
                try await body(sink, MailRoom(service, url: sink.url))
            }
        }
    }
}

extension SMTPSettings.Patience {
    /// Long enough for a slow machine, and soon over.
    fileprivate static var short: SMTPSettings.Patience {
        var patience = SMTPSettings.Patience()
        patience.acceptance = .milliseconds(100)
        return patience
    }
}
