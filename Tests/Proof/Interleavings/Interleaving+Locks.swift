import Clinic
import HTTPFront
import PostgresTesting
import ServiceTesting

extension Interleaving {
    /// Who has a patient's record to itself, and what is written meanwhile.
    static let locks = [
        Interleaving(
            "lock, lock one record", ["ada", "ben"],
            allowed: [["201", "locked"], ["locked", "201"]]
        ) { fixture in
            let desk = try await fixture.ownDesk()
            return ["ada", "ben"].map { name in
                { try await desk.moved(to: $0.service).acquire(as: name, [desk.ann]).told }
            }
        },
        Interleaving(
            "lock, lock two records crosswise", ["ada", "ben"],
            allowed: [["201", "locked"], ["locked", "201"]]
        ) { fixture in
            let desk = try await fixture.ownDesk()
            return [("ada", [desk.ann, desk.bob]), ("ben", [desk.bob, desk.ann])].map { name, who in
                { try await desk.moved(to: $0.service).acquire(as: name, who).told }
            }
        },
        locked(
            "renew, the lock's time passes, take over", ["ada", "time", "ben"],
            allowed: [
                ["200", "over", "201"], ["200", "over", "locked"], ["lock_lost", "over", "201"],
                ["lock_lost", "over", "locked"],
            ]
        ) { desk, lock in
            [
                { try await desk.moved(to: $0.service).renew(lock, as: "ada").told },
                { try await $0.letTimePass(forLock: lock) },
                { try await desk.moved(to: $0.service).acquire(as: "ben", [desk.ann]).told },
            ]
        },
        locked(
            "write, the lock's time passes, take over", ["ada", "time", "ben"],
            allowed: [
                ["200", "over", "201"], ["200", "over", "locked"], ["lock_lost", "over", "201"],
                ["lock_lost", "over", "locked"],
            ],
            // What is written is begun in time, and there before anybody has taken the lock over.
            forbids: { run in
                run.told[0] == "200"
                    && (run.began("ada", behind: "time")
                        || run.told[2] == "201" && run.went("ada", behind: "ben"))
            }
        ) { desk, lock in
            [
                { try await $0.write(to: desk.ann, under: lock, as: "ada").told },
                { try await $0.letTimePass(forLock: lock) },
                { try await desk.moved(to: $0.service).acquire(as: "ben", [desk.ann]).told },
            ]
        },
        Interleaving(
            "renew, take over just when its time is over", ["ada", "time", "ben"],
            allowed: [
                ["200", "over", "locked"], ["lock_lost", "over", "201"],
                ["lock_lost", "over", "locked"],
            ]
        ) { fixture in
            let desk = try await fixture.ownDesk()
            let lock = try await desk.acquire(as: "ada", [desk.ann])
            try await desk.expire(lock, in: "0.5 seconds")
            let (token, end) = (try lock.token, try await fixture.end(ofLock: lock.token))
            return [
                { try await desk.moved(to: $0.service).renew(token, as: "ada").told },
                { try await $0.await(end) },
                { try await desk.moved(to: $0.service).acquire(as: "ben", [desk.ann]).told },
            ]
        },
        locked(
            "write, write of what both have seen, under one lock", ["ada", "also ada"],
            allowed: [["200", "version_conflict"], ["version_conflict", "200"]]
        ) { desk, lock in
            let act: Stage.Act = { fixture in
                try await fixture.write(to: desk.ann, under: lock, as: "ada", version: 1).told
            }
            return [act, act]
        },
        Interleaving(
            "write to a prescription, write to it otherwise", ["ada", "also ada"],
            allowed: [["200", "version_conflict"], ["version_conflict", "200"]]
        ) { fixture in
            let patient = try await fixture.ownPatients(1)[0].id
            let prescription = try await fixture.prescription(for: patient).id.text
            let lock = try await fixture.lock(patient, by: .receptionist).token.text
            return ["200 mg", "800 mg"].map { dosage in
                { fixture in
                    try await fixture.service.send(
                        "PATCH",
                        fixture.path("patients/\(patient.text)/prescriptions/\(prescription)"),
                        token: fixture.receptionist, body: #"{"dosage": "\#(dosage)"}"#,
                        headers: ["Lock-Token": lock, "If-Match": #""1""#]
                    ).told
                }
            }
        },
        locked(
            "write, release", ["ada", "also ada"],
            allowed: [["200", "204"], ["lock_lost", "204"]]
        ) { desk, lock in
            [
                { try await $0.write(to: desk.ann, under: lock, as: "ada").told },
                { try await desk.moved(to: $0.service).release(lock, as: "ada").told },
            ]
        },
        locked(
            "write, release by force", ["ada", "admin"],
            allowed: [["200", "204"], ["lock_lost", "204"]],
            forbids: { $0.told == ["200", "204"] && $0.went("ada", behind: "admin") }
        ) { desk, lock in
            [
                { try await $0.write(to: desk.ann, under: lock, as: "ada").told },
                { try await $0.send("DELETE", "locks/\(lock)?force=true", as: $0.admin).told },
            ]
        },
        locked(
            "release, release by force", ["ada", "admin"],
            allowed: [["204", "lock_not_found"], ["lock_not_found", "204"]]
        ) { desk, lock in
            [
                { try await desk.moved(to: $0.service).release(lock, as: "ada").told },
                { try await $0.send("DELETE", "locks/\(lock)?force=true", as: $0.admin).told },
            ]
        },
        Interleaving(
            "book under a lock, release it by force", ["ada", "admin"],
            allowed: [["201", "204"], ["lock_lost", "204"]],
            forbids: { $0.told == ["201", "204"] && $0.went("ada", behind: "admin") }
        ) { fixture in
            let slot = try await fixture.ownSlots(1)[0]
            let patient = try await fixture.ownPatients(1)[0].id
            let lock = try await fixture.lock(patient, by: .receptionist).token.text
            return [
                { fixture in
                    try await fixture.service.send(
                        "POST", fixture.path("appointments"), token: fixture.receptionist,
                        body: """
                            {"slot_id": "\(slot.id.text)", "patient_id": "\(patient.text)"}
                            """,
                        headers: ["Lock-Token": lock]
                    ).told
                },
                { try await $0.send("DELETE", "locks/\(lock)?force=true", as: $0.admin).told },
            ]
        },
        Interleaving(
            "the lock is over and ended by two", ["one sweep", "another"],
            allowed: [["over", "over"]]
        ) { fixture in
            let desk = try await fixture.ownDesk()
            let lock = try await desk.acquire(as: "ada", [desk.ann], onExpiry: "notify")
            try await desk.expire(lock)
            let act: Stage.Act = { fixture in
                await fixture.sweep { try await OfflineLockService(store: $0).sweep() }
            }
            return [act, act]
        },
        locked("write, renew", ["ada", "also ada"], allowed: [["200", "200"]]) { desk, lock in
            [
                { try await $0.write(to: desk.ann, under: lock, as: "ada").told },
                { try await desk.moved(to: $0.service).renew(lock, as: "ada").told },
            ]
        },
        locked("write, write under one lock", ["ada", "also ada"], allowed: [["200", "200"]]) {
            desk, lock in
            let act: Stage.Act = { fixture in
                try await fixture.write(to: desk.ann, under: lock, as: "ada").told
            }
            return [act, act]
        },
    ]

    /// Ada has the lock on a record.
    private static func locked(
        _ title: String, _ names: [String], allowed: Set<[String]>,
        forbids: @escaping @Sendable (RaceRun) -> Bool = { _ in false },
        _ acts: @escaping @Sendable (LockDesk, _ lock: String) -> [Stage.Act]
    ) -> Interleaving {
        Interleaving(title, names, allowed: allowed, forbids: forbids) { fixture in
            let desk = try await fixture.ownDesk()
            return acts(desk, try await desk.acquire(as: "ada", [desk.ann]).token)
        }
    }
}
