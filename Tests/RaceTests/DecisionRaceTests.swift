import Clinic
import FoundationEssentials
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting
import Testing

@Suite("Administrators who decide the same registration", .serialized)
struct DecisionRaceTests {
    @Test("250 races of approve against reject: one decides, the other is told who did, one mail")
    func approveAgainstReject() async throws {
        try await race(count: 250) { number in
            [
                Decision(by: "ada\(number)", "approve"),
                Decision(by: "ben\(number)", "reject"),
            ]
        }
    }

    @Test("250 races of 2 to 8 administrators who approve: one patient, one mail")
    func approveAgainstApprove() async throws {
        try await race(count: 250) { number in
            (0..<(2 + number % 7)).map { Decision(by: "admin\($0)", "approve") }
        }
    }

    /// Each of the two has to read before it writes; every order of the four steps is one of these.
    static let orders = ["aabb", "abab", "abba", "bbaa", "baba", "baab"]

    @Test(
        "step by step, read, read, write, write in every order: a decision based on what is no longer is none",
        arguments: orders, ["approve", "reject"])
    func interleaved(order: String, second: String) async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            let id = try await fixture.registration().id.text
            let decisions: [Character: Decision] = [
                "a": Decision(by: "ada", "approve"), "b": Decision(by: "ben", second),
            ]
            var seen: [Character: Int] = [:]
            var answers: [Answer] = []
            var lastSeen: Int?
            for who in order {
                let decision = try #require(decisions[who])
                if let version = seen[who] {
                    answers.append(try await decision.make(on: id, version, in: fixture))
                    lastSeen = version
                } else {
                    seen[who] = try await decision.read(id, in: fixture)
                }
            }
            // Whoever writes first decides. The other one has read before that, or after.
            #expect(answers[0].status == 200)
            #expect(
                answers[1].problemCode
                    == (lastSeen == 1 ? "version_conflict" : "already_decided"))
            try await expectOneDecision(id, in: fixture)
        }
    }

    @Test(
        "the second writes while the first has written and not yet committed: it waits, and is told",
        arguments: ["approve", "reject"], ["approve", "reject"])
    func overlapping(first: String, second: String) async throws {
        try await withService(configure: { $0.lockTimeout = .seconds(60) }) { service in
            let fixture = try await Fixture(service)
            let id = try await fixture.registration().id.text
            let sessions = Sessions(of: service.database)
            // The message is the last thing that a decision writes.
            try await holding(
                "LOCK TABLE outbox IN SHARE ROW EXCLUSIVE MODE", in: service.database
            ) { hold in
                async let ada = Decision(by: "ada", first).make(on: id, 1, in: fixture)
                try await sessions.wait(until: .blocked)
                async let ben = Decision(by: "ben", second).make(on: id, 1, in: fixture)
                try await sessions.wait(until: .blocked, 2)
                hold.release()
                #expect(try await ada.status == 200)
                let told = try await ben
                #expect(told.problemCode == "version_conflict")
                #expect(try told.json["changed_by"]?.text == "ada")
            }
            try await expectOneDecision(id, in: fixture)
        }
    }

    private func race(
        count: Int, _ contenders: @escaping @Sendable (Int) -> [Decision]
    ) async throws {
        try await withService { service in
            let fixture = try await Fixture(service)
            for number in 0..<count {
                let id = try await fixture.registration().id.text
                let decisions = contenders(number)
                let barrier = Barrier(decisions.count)
                let answers = try await withThrowingTaskGroup { group in
                    for decision in decisions {
                        group.addTask {
                            await barrier.arrive()
                            return (decision, try await decision.make(on: id, 1, in: fixture))
                        }
                    }
                    return try await group.reduce(into: [(Decision, Answer)]()) { $0.append($1) }
                }
                let winners = answers.filter { $0.1.status == 200 }.map(\.0.subject)
                try #require(winners.count == 1)
                for (_, answer) in answers where answer.status != 200 {
                    #expect(answer.problemCode == "version_conflict")
                    #expect(try answer.json["changed_by"]?.text == winners[0])
                }
            }
            let decided = try await service.database.owner.read { tx in
                tx.pipeline.one(
                    Scalar<Int>.self,
                    """
                    SELECT count(*)
                    FROM registrations
                    JOIN outbox
                        ON outbox.kind = 'registration.' || registrations.status
                        AND outbox.subject = registrations.id || ':2'
                    JOIN journal
                        ON journal.object_id = registrations.id
                        AND journal.version = 2
                        AND journal.actor = registrations.decided_by
                        AND journal.action = outbox.kind
                    LEFT JOIN patients ON patients.id = registrations.patient_id
                    WHERE (patients.id IS NULL) = (registrations.status = 'rejected')
                    """)
            }
            #expect(decided.value == count)
            #expect(try await rows(of: "outbox", service) == count)
            #expect(try await Verification(store: service.store).run().breaches.isEmpty)
            try await expectOneMailEach(fixture)
        }
    }

    /// Has two couriers deliver, and looks at what a mail server got.
    private func expectOneMailEach(_ fixture: Fixture) async throws {
        try await withMailSink { sink in
            let room = MailRoom(fixture.service, url: sink.url)
            try await withThrowingTaskGroup { group in
                for _ in 1...2 {
                    let courier = try room.courier()
                    group.addTask { _ = try await courier.deliverDue() }
                }
                try await group.waitForAll()
            }
            let registrations = try await AdminService(store: fixture.service.store)
                .allRegistrations(in: fixture.clinic.id)
            let subjects = Dictionary(
                grouping: try await sink.received, by: { $0.recipients.joined() }
            ).mapValues { $0.compactMap { $0["Subject"] } }
            #expect(subjects.count == registrations.count)
            for registration in registrations {
                let subject =
                    registration.status == .approved
                    ? "You are registered at Lindenhof" : "Your registration at Lindenhof"
                #expect(subjects[registration.email] == [subject])
            }
        }
    }

    private func expectOneDecision(_ id: String, in fixture: Fixture) async throws {
        let registration = try await fixture.service.send(
            "GET", fixture.path("registrations/\(id)"), token: fixture.admin)
        let isApproved = try registration.json["status"]?.text == "approved"
        #expect(try registration.json["version"]?.integer == 2)
        #expect(try await rows(of: "outbox", fixture.service) == 1)
        #expect(try await rows(of: "patients", fixture.service) == (isApproved ? 1 : 0))
        #expect(try await Verification(store: fixture.service.store).run().breaches.isEmpty)
    }

    private func rows(of table: SQL, _ service: Service) async throws -> Int {
        try await service.database.owner.read { tx in
            tx.pipeline.one(Scalar<Int>.self, "SELECT count(*) FROM \(fragment: table)")
        }.value
    }
}

extension AdminService {
    /// All registrations of a clinic, page by page.
    fileprivate func allRegistrations(in clinicID: UUID) async throws -> [Registration] {
        var all: [Registration] = []
        var page = PageRequest(limit: 200)
        while true {
            let part = try await registrations(in: clinicID, status: nil, assignedTo: nil, page)
            all += part.items
            guard let next = part.next else { return all }
            page = PageRequest(limit: 200, after: next)
        }
    }
}
