import Clinic
import Foundation
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting
import Subprocess
import Testing

@Suite("Couriers that are killed, frozen or stopped", .timeLimit(.minutes(30)))
struct CourierCommandTests {
    @Test("kill -9 between acceptance and note: the next courier sends that one message once more")
    func killed() async throws {
        try await withQueuedMail { sink, room in
            try await sink.hold(.accepted)
            let database = room.service.database
            let ended = try await withCourier(on: database, to: sink.url) { send in
                try await sink.waitUntilHolding()
                try await holding("SELECT FROM outbox FOR UPDATE", in: database) { _ in
                    try await sink.release(.accepted)
                    // It has heard that the message was accepted, and cannot write it down.
                    try await Sessions(of: database).wait(until: .blocked)
                    try send(.kill)
                    // Else PostgreSQL would do what the courier had asked for.
                    try await Sessions(of: database).terminate(.blocked)
                }
            }
            #expect(ended.exitCode == -1)
            #expect(try await room.entries().map(\.status) == ["queued", "queued"])
            try await room.makeAllDue()
            #expect(try await room.courier().deliverDue() == .done)
            #expect(try await room.entries().map(\.status) == ["sent", "sent"])
            let received = try await sink.received
            #expect(received.count == 3)
            #expect(Set(received.map { $0["Message-ID"] }).count == 2)
        }
    }

    @Test(
        "SIGSTOP past the lease: another courier takes over, and the first one's word counts no more"
    )
    func frozen() async throws {
        try await withQueuedMail { sink, room in
            try await sink.hold(.accepted)
            let ended = try await withCourier(on: room.service.database, to: sink.url) { send in
                try await sink.waitUntilHolding()
                try send(.suspend)
                try await room.makeAllDue()
                #expect(try await room.courier().deliverDue() == .done)
                let before = try await room.entries()
                #expect(before.map(\.status) == ["sent", "sent"])
                #expect(before.map(\.attempts).sorted() == [1, 2])
                try await sink.release(.accepted)
                try send(.resume)
                try send(.terminate)
            }
            #expect(ended.exitCode == 0)
            #expect(ended.errors.contains("another courier has the message"))
            #expect(try await room.entries().map(\.attempts).sorted() == [1, 2])
            let received = try await sink.received
            #expect(received.count == 3)
            #expect(Set(received.map { $0["Message-ID"] }).count == 2)
        }
    }

    @Test("SIGTERM: the message under way is finished and written down")
    func stopped() async throws {
        try await withQueuedMail { sink, room in
            try await sink.hold(.accepted)
            let ended = try await withCourier(on: room.service.database, to: sink.url) { send in
                try await sink.waitUntilHolding()
                try send(.terminate)
                try await sink.release(.accepted)
            }
            #expect(ended.exitCode == 0)
            // The next one may have been begun before the signal was heard; then it is finished, too.
            let sent = try await room.entries().filter { $0.status == "sent" }
            #expect(!sent.isEmpty)
            let received = Set(try await sink.received.compactMap { $0["Message-ID"] })
            #expect(received == Set(sent.map { "<\($0.messageID)>" }))
        }
    }

    @Test(
        "SIGTERM while the mail server hangs: the message is put off for the next courier, exit 0")
    func stoppedWhileHanging() async throws {
        try await withQueuedMail { sink, room in
            try await sink.hold(.mail)
            let ended = try await withCourier(on: room.service.database, to: sink.url) { send in
                try await sink.waitUntilHolding()
                try send(.terminate)
            }
            #expect(ended.exitCode == 0, "\(ended.errors)")
            let entries = try await room.entries()
            #expect(entries.allSatisfy { $0.status == "queued" })
            #expect(entries.contains { $0.lastError == "the courier was stopped" })
        }
    }

    @Test("serve: a message leaves behind its commit, and what others commit is found, too")
    func serve() async throws {
        try await withQueuedMail { sink, room in
            let database = room.service.database
            let ended = try await withServe(
                ["--drain-delay", "0s"], on: database,
                environment: [
                    "DATABASE_URL": database.url, "HOLDFAST_JWT_SECRET": Service.secret,
                    "HOLDFAST_SMTP_URL": sink.url, "HOLDFAST_MAIL_FROM": "bookings@clinic.example",
                ]
            ) { service, terminate in
                // Those that were queued before it started.
                _ = try await sink.received(atLeast: 2)
                let fixture = try await Fixture(service)
                let slot = try await fixture.slots(1)[0]
                let patient = try await fixture.patient(named: "carol")
                #expect(try await fixture.book(slot.id, as: patient).status == 201)
                let received = try await sink.received(atLeast: 3)
                #expect(received[2].sender == "bookings@clinic.example")
                #expect(received[2].recipients == ["carol@example.org"])
                try terminate()
            }
            #expect(ended.exitCode == 0)
            #expect(try await room.entries().allSatisfy { $0.status == "sent" })
        }
    }

    @Test("without a mail server messages stay queued, or are logged in development")
    func withoutServer() async throws {
        try await withQueuedMail { sink, room in
            let database = room.service.database
            let queued = try await withServe(
                ["--drain-delay", "0s"], on: database,
                environment: ["DATABASE_URL": database.url, "HOLDFAST_JWT_SECRET": Service.secret]
            ) { service, terminate in
                #expect(try await service.send("GET", "/readyz").status == 200)
                try terminate()
            }
            #expect(queued.exitCode == 0 && queued.errors.contains("HOLDFAST_SMTP_URL"))
            #expect(try await room.entries().allSatisfy { $0.status == "queued" })

            let logged = try await withServe(
                ["--drain-delay", "0s", "--development"], on: database,
                environment: ["DATABASE_URL": database.url, "HOLDFAST_JWT_SECRET": Service.secret]
            ) { service, terminate in
                while try await room.entries().contains(where: { $0.status == "queued" }) {}
                try terminate()
            }
            #expect(logged.errors.contains("would be sent"))
            #expect(logged.errors.contains("ann@example.org"))
            #expect(try await sink.received.isEmpty)
        }
    }

    @Test(
        "settings that cannot be used are named, and a password is not",
        arguments: [
            (["HOLDFAST_SMTP_URL": ""], "No mail server: set HOLDFAST_SMTP_URL"),
            (["HOLDFAST_SMTP_URL": "http://ann:hunter2@mail"], "HOLDFAST_SMTP_URL must be"),
            (["HOLDFAST_MAIL_FROM": "nobody"], "HOLDFAST_MAIL_FROM must be"),
        ] as [([String: String], String)])
    func settings(environment: [String: String], complaint: String) async throws {
        let ended = try await holdfast(
            ["courier"],
            environment: ["HOLDFAST_SMTP_URL": "smtp://127.0.0.1:1"].merging(environment) { $1 })
        #expect(ended.exitCode == 1)
        #expect(ended.errors.contains(complaint), "\(ended.errors)")
        #expect(!ended.errors.contains("hunter2"))
    }

    /// Calls `body` once two messages are queued.
    private func withQueuedMail(
        _ body: @escaping @Sendable (MailSink, MailRoom) async throws -> Void
    ) async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            for (name, slot) in zip(["ann", "ben"], try await fixture.slots(2)) {
                let patient = try await fixture.patient(named: name)
                #expect(try await fixture.book(slot.id, as: patient).status == 201)
            }
            try await withMailSink { sink in
                try await body(sink, MailRoom(service, url: sink.url))
            }
        }
    }
}
