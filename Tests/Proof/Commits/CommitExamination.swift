import Clinic
import Dispatch
import HTTPFront
import Postgres
import PostgresTesting
import ServiceTesting

extension Examination {
    /// What is answered where `COMMIT` does not do what was hoped.
    package static let commits = [rolledBack, givenUp]

    /// The server rolls back what it was told to commit.
    private static let rolledBack = Examination(title: "COMMIT is answered ROLLBACK") { sabotage in
        try await withService { service in
            let fixture = try await Fixture(service)
            let slot = try await fixture.slots(1)[0]
            let patient = try await fixture.patients(1)[0]
            let network = Tampering([.init("COMMIT", "^COMMIT$", "ROLLBACK")])
            return try await withStepProxy(
                to: service.database, tampering: sabotage.tampering + [network]
            ) { proxy in
                try await service.database.withService({ $0.url = proxy.url }) { pool in
                    try await withService(on: service.database, pool) { doomed in
                        let answer = try await fixture.moved(to: doomed).book(slot.id, as: patient)
                        let booked = try await fixture.appointments(in: slot).count
                        return answer.status == 201 && booked == 0
                            ? ["answered 201, and there is no appointment"] : []
                    }
                }
            }
        }
    }

    /// Somebody cancels the wait for the synchronous standby, which PostgreSQL takes for a mere warning.
    private static let givenUp = Examination(
        title: "the wait for the standby is given up behind COMMIT"
    ) { sabotage in
        try await withPrivateServer { server in
            let database = server.database
            let clinic = try await withService(on: database, database.service) { service in
                try await Fixture(service).clinic
            }
            return try await withStepProxy(to: database, tampering: sabotage.tampering) { proxy in
                try await database.withService({ $0.url = proxy.url }) { pool in
                    try await server.loseStandby()
                    let impatient = Store(
                        database: pool, environment: .quiet, deadline: .seconds(1))
                    let writing = Task {
                        try await CalendarService(store: impatient).createPractitioner(
                            name: "Dr. Ada Abel", specialty: "dermatology", in: clinic.id,
                            by: Fixture.author)
                    }
                    let sessions = Sessions(of: database)
                    // It, and the one that showed that there is no standby.
                    try await sessions.wait(until: .waitingForStandby, 2)
                    try await sessions.cancel(.waitingForStandby)
                    do {
                        _ = try await writing.value
                        return ["acknowledged, and no standby has it"]
                    } catch is Unavailable {
                        return []
                    }
                }
            }
        }
    }
}
