import Foundation
import Mail
import ServiceTesting
import Subprocess
import Testing

@Suite("Messages reach a mail server as they were meant", .timeLimit(.minutes(30)))
struct SMTPTransportTests {
    @Test("both forms of the text, a file, the sender, the date and the Message-ID arrive")
    func arrives() async throws {
        try await withMailSink { sink in
            let transport = try SMTPTransport(SMTPSettings(url: sink.url))
            try await transport.send(
                message(
                    attachments: [
                        MailMessage.Attachment(
                            name: "a.ics", type: "text/calendar; charset=utf-8", content: "A\r\nB\n"
                        )
                    ]))
            let received = try await sink.received(atLeast: 1)[0]
            #expect(received.sender == "clinic@example.org")
            #expect(received.recipients == ["ann@example.org"])
            #expect(received["From"] == "Lindenhof <clinic@example.org>")
            #expect(received["To"] == "Ann <ann@example.org>")
            #expect(received["Subject"] == "Hello")
            #expect(received["Date"] == "Mon, 02 Mar 2026 09:15:00 +0000")
            #expect(received["Message-ID"] == "<1@example.org>")
            #expect(received.text("text/plain") == "Dear Ann,\r\ngood morning.\r\n")
            #expect(received.text("text/html") == "<p>Dear Ann</p>")
            #expect(received.text("text/calendar") == "A\r\nB\r\n")
            #expect(received.parts.last?.name == "a.ics")
            await transport.hangUp()
        }
    }

    @Test(
        "what is to become two headers or the end of the message arrives as text, in one message",
        arguments: [
            "Ann\r\nBcc: eve@example.org", "Ann\nBcc: eve@example.org\n\n<b>hi</b>", "\r\n.\r\n",
        ])
    func injection(text: String) async throws {
        try await withMailSink { sink in
            let transport = try SMTPTransport(SMTPSettings(url: sink.url))
            try await transport.send(
                message(to: text, subject: text, text: "before\n\(text)\n.\nQUIT\nafter"))
            try await transport.send(message(subject: "next"))
            let received = try await sink.received(atLeast: 2)
            try #require(received.count == 2)
            #expect(received[0].recipients == ["ann@example.org"])
            #expect(received[0].all("Bcc").isEmpty)
            let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            #expect(received[0]["Subject"] == line)
            let body = received[0].text("text/plain")?.replacing("\r\n", with: "\n")
            #expect(body == "before\n\(text.replacing("\r\n", with: "\n"))\n.\nQUIT\nafter")
            #expect(received[1]["Subject"] == "next")
        }
    }

    @Test(
        "any language is right in name, subject and text",
        arguments: [
            "Åsa Lindqvist", "Владимир Ильич Достоевский", "李小龍", "🧑‍⚕️ Dr. 👩‍👩‍👧‍👦",
            String(repeating: "Ünïcödé ", count: 20), String(repeating: "plain words ", count: 30),
            "=?utf-8?Q?not_encoded?=", "a \"quoted\" \\ name, with <brackets>",
        ])
    func languages(text: String) async throws {
        try await withMailSink { sink in
            let transport = try SMTPTransport(SMTPSettings(url: sink.url))
            try await transport.send(message(to: text, subject: text, text: text))
            let received = try await sink.received(atLeast: 1)[0]
            #expect(received["Subject"] == text.trimmingCharacters(in: .whitespaces))
            // Python shows spaces between encoded words of a name, which RFC 2047 says are none.
            let to = received["To"]?.filter { !"\\\" ".contains($0) }
            #expect(to == text.filter { !"\\\" ".contains($0) } + "<ann@example.org>")
            #expect(received.text("text/plain") == text)
        }
    }

    @Test(
        "an address that SMTP cannot carry is refused before anything is said",
        arguments: [
            "ann", "@example.org", "ann@", "a@b@c", "a b@c", "a\r\nRCPT TO:<e@c>@c", "<a@b>",
            "a@b,c", "", "ann@exämple.org",
        ])
    func addresses(address: String) {
        #expect(throws: MailFailure(.permanent, "the address cannot be used in an e-mail")) {
            try MailAddress(address, name: "Ann")
        }
    }

    @Test("several messages travel over one connection, until it is hung up")
    func connection() async throws {
        try await withMailSink { sink in
            let transport = try SMTPTransport(SMTPSettings(url: sink.url))
            for _ in 1...2 { try await transport.send(message()) }
            await transport.hangUp()
            try await transport.send(message())
            let clients = try await sink.received(atLeast: 3).map(\.client)
            #expect(clients[0] == clients[1] && clients[1] != clients[2])
        }
    }
}

@Suite("What a mail server refuses says what to do about it", .timeLimit(.minutes(30)))
struct SMTPRefusalTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let command: MailSink.Command
        let reply: String
        let kind: MailFailure.Kind
        var testDescription: String { "\(command): \(reply)" }
    }

    static let cases = [
        Case(command: .mail, reply: "451 4.3.0 local error", kind: .server),
        Case(command: .mail, reply: "550 5.7.1 not you", kind: .server),
        Case(command: .rcpt, reply: "421 4.3.2 shutting down", kind: .interrupted),
        Case(command: .rcpt, reply: "451 4.2.1 greylisted", kind: .temporary),
        Case(command: .rcpt, reply: "550 5.1.1 no such user", kind: .permanent),
        Case(command: .rcpt, reply: "554 5.7.1 relay access denied", kind: .temporary),
        Case(command: .rcpt, reply: "530 5.7.0 log in first", kind: .temporary),
        Case(command: .data, reply: "452 4.3.1 disk full", kind: .temporary),
        Case(command: .data, reply: "554 5.6.0 spam", kind: .permanent),
    ]

    @Test("by the command that was refused, with the server's words", arguments: cases)
    func refusals(refusal: Case) async throws {
        try await withMailSink { sink in
            let transport = try SMTPTransport(SMTPSettings(url: sink.url))
            try await sink.answer(refusal.command, refusal.reply, times: 2)
            let failure = await #expect(throws: MailFailure.self) {
                try await transport.send(message())
            }
            #expect(failure?.kind == refusal.kind)
            #expect(failure?.words == refusal.reply)
            await #expect(throws: MailFailure.self) { try await transport.send(message()) }
            // The next one is not blamed for it.
            try await transport.send(message(subject: "next"))
            #expect(try await sink.received(atLeast: 1).count == 1)
        }
    }

    @Test("nobody listens, or a name that does not exist: the server's trouble")
    func nobody() async throws {
        for url in ["smtp://127.0.0.1:1", "smtp://nobody.invalid"] {
            let transport = try SMTPTransport(SMTPSettings(url: url))
            let failure = await #expect(throws: MailFailure.self) {
                try await transport.send(message())
            }
            #expect(failure?.kind == .server)
            #expect(failure?.words.isEmpty == false)
        }
    }

    @Test(
        "a server that goes silent is given up after a while",
        arguments: [
            (MailSink.Command.ehlo, MailFailure.Kind.server), (.mail, .server),
            (.rcpt, .interrupted), (.accepted, .unanswered),
        ])
    func silence(command: MailSink.Command, kind: MailFailure.Kind) async throws {
        try await withMailSink { sink in
            var patience = SMTPSettings.Patience()
            patience.delivery = command == .accepted ? .seconds(60) : .seconds(3)
            patience.acceptance = .milliseconds(100)
            let transport = try SMTPTransport(SMTPSettings(url: sink.url, patience: patience))
            try await sink.hold(command)
            let failure = await #expect(throws: MailFailure.self) {
                try await transport.send(message())
            }
            #expect(failure == MailFailure(kind, "the server did not answer in time"))
            try await sink.waitUntilHolding()
            try await sink.release(command)
        }
    }

    @Test("of a server's words only the codes are for the log, which is no place for addresses")
    func logged() {
        let failure = MailFailure(.permanent, "550 5.1.1 <ann@example.org>: unknown")
        #expect("\(failure)" == "550 5.1.1")
        #expect("\(MailFailure(.server, "no route to host"))" == "no route to host")
    }

    @Test("who is cancelled gives the message up at once")
    func cancelled() async throws {
        try await withMailSink { sink in
            let transport = try SMTPTransport(SMTPSettings(url: sink.url))
            try await sink.hold(.rcpt)
            let sending = Task { try await transport.send(message()) }
            try await sink.waitUntilHolding()
            sending.cancel()
            await #expect(throws: CancellationError.self) { try await sending.value }
            try await sink.release(.rcpt)
        }
    }
}

@Suite("Messages and passwords travel encrypted", .timeLimit(.minutes(30)))
struct SMTPEncryptionTests {
    @Test("STARTTLS and smtps, with user and password", arguments: [false, true])
    func encrypted(implicit: Bool) async throws {
        try await withCertificate { certificate, key in
            try await withMailSink(
                ["--tls", certificate, key, "--login", "ann:p@ss", "--host", "127.0.0.2"]
                    + (implicit ? ["--implicit"] : [])
            ) { sink in
                let scheme = implicit ? "smtps" : "smtp"
                let transport = try SMTPTransport(
                    SMTPSettings(
                        url: "\(scheme)://ann:p%40ss@127.0.0.2:\(sink.port)",
                        certificates: certificate))
                try await transport.send(message())
                let received = try await sink.received(atLeast: 1)[0]
                // What began encrypted is not encrypted once more.
                #expect(received.encrypted == !implicit)
                #expect(received.user == "ann")
            }
        }
    }

    @Test("to this machine itself nothing is encrypted, for a certificate would have another name")
    func local() async throws {
        try await withCertificate { certificate, key in
            try await withMailSink(["--tls", certificate, key]) { sink in
                let transport = try SMTPTransport(SMTPSettings(url: sink.url))
                try await transport.send(message())
                #expect(try await sink.received.map(\.encrypted) == [false])
            }
        }
    }

    @Test("a certificate that nobody vouches for is not trusted, and nothing is sent")
    func untrusted() async throws {
        try await withCertificate { certificate, key in
            try await withMailSink(["--tls", certificate, key, "--host", "127.0.0.2"]) { sink in
                let transport = try SMTPTransport(
                    SMTPSettings(url: "smtp://127.0.0.2:\(sink.port)"))
                let failure = await #expect(throws: MailFailure.self) {
                    try await transport.send(message())
                }
                #expect(failure?.kind == .server)
                #expect(try await sink.received.isEmpty)
            }
        }
    }

    @Test("a password does not leave the machine in the clear")
    func passwordInTheClear() async throws {
        // Of the loopback addresses, the transport knows those that everybody means by it.
        try await withMailSink(["--login", "ann:p@ss", "--host", "127.0.0.2"]) { sink in
            let transport = try SMTPTransport(
                SMTPSettings(url: "smtp://ann:p%40ss@127.0.0.2:\(sink.port)"))
            let failure = await #expect(throws: MailFailure.self) {
                try await transport.send(message())
            }
            #expect(failure?.kind == .server)
            #expect(try await sink.received.isEmpty)
        }
    }

    @Test("a wrong password is the server's trouble: no message is given up for it")
    func wrongPassword() async throws {
        try await withMailSink(["--login", "ann:right"]) { sink in
            let transport = try SMTPTransport(
                SMTPSettings(url: "smtp://ann:wrong@127.0.0.1:\(sink.port)"))
            let failure = await #expect(throws: MailFailure.self) {
                try await transport.send(message())
            }
            #expect(failure?.kind == .server)
            #expect(failure?.words.hasPrefix("535") == true)
        }
    }

    @Test(
        "a URL that names no mail server is refused without repeating it",
        arguments: [
            "", "mail.example.org", "http://mail.example.org", "smtp://", "smtp://a:hunter2@",
            "smtp://a:hunter2@mail.example.org?x=1", "smtp://a:1/hunter2@mail.example.org",
            "smtp://a:hunter2 x@mail.example.org", "smtp://a:hunter2@mail.example.org:99999",
        ])
    func urls(url: String) {
        let error = #expect(throws: SMTPSettings.Unusable.self) { try SMTPSettings(url: url) }
        #expect(error?.description.contains("hunter2") == false)
    }

    /// Calls `body` with a certificate for 127.0.0.2 that only those trust who are told to.
    private func withCertificate(
        _ body: (_ certificate: String, _ key: String) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let certificate = folder.appending(path: "certificate.pem").path
        let key = folder.appending(path: "key.pem").path
        let result = try await run(
            .name("openssl"),
            arguments: [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                "-nodes", "-subj", "/CN=sink", "-addext", "subjectAltName=IP:127.0.0.2",
                "-days", "2", "-keyout", key, "-out", certificate,
            ], output: .discarded, error: .discarded)
        try #require(result.terminationStatus.isSuccess)
        try await body(certificate, key)
    }
}

/// A message from a clinic to Ann.
private func message(
    to name: String = "Ann", subject: String = "Hello", text: String = "Dear Ann,\ngood morning.\n",
    attachments: [MailMessage.Attachment] = []
) throws -> MailMessage {
    MailMessage(
        from: try MailAddress("clinic@example.org", name: "Lindenhof"),
        to: try MailAddress("ann@example.org", name: name), subject: subject,
        date: Date(timeIntervalSince1970: 1_772_442_900), id: "1@example.org", text: text,
        html: "<p>Dear Ann</p>", attachments: attachments)
}
