import Clinic
import Foundation
import Postgres
import PostgresTesting
import ServiceTesting

/// All that clients were told, held against all that the journal has.
struct Reckoning: Sendable {
    let ground: FaultGround
    let attempts: [Int: Attempt]
    let rows: [JournalRow]
    /// The rows that an attempt has written.
    let written: [Int: [JournalRow]]
    let places: [UUID: Int]
    private let start: Date

    /// How many attempts nobody was told the outcome of, and how many of those had taken effect.
    let settled: (all: Int, done: Int)
    /// What the mail server got, and how much of that a second time.
    let mails: (arrived: Int, again: Int)
    /// How often the service had to find out itself what became of a commit.
    let commitsInDoubt: Int
    private let mailViolations: [String]

    init(of attempts: [Attempt], from start: Date, on ground: FaultGround) async throws {
        self.ground = ground
        self.start = start
        self.attempts = Dictionary(uniqueKeysWithValues: attempts.map { ($0.number, $0) })
        let (clinic, database) = (ground.scene.clinic, ground.server.database)
        rows = try await ground.insisting {
            try await JournalRow.all(of: clinic, in: database.owner)
        }
        let written = Dictionary(grouping: rows.filter { $0.attempt != nil }) { $0.attempt ?? 0 }
        self.written = written
        places = Dictionary(
            uniqueKeysWithValues: ground.scene.slots.enumerated().map { ($1.id, $0) })
        let open = attempts.filter { if case .nothing = $0.told { true } else { false } }
        settled = (open.count, open.count { written[$0.number] != nil })
        commitsInDoubt = try ground.logs.reduce(0) { count, log in
            try count
                + String(contentsOf: log, encoding: .utf8)
                .split(separator: "settling a commit in doubt").count - 1
        }
        let letters = try await Letters(on: ground)
        mails = letters.counts
        mailViolations = letters.violations
    }

    /// What nothing explains.
    func violations() async throws -> [String] {
        let appointments = AppointmentHistory(rows, attempts, ground.scene)
        let told = attempts.values.sorted { $0.number < $1.number }.compactMap { attempt in
            contradiction(in: attempt, appointments)
        }
        return told + slotViolations(appointments) + appointments.violations + mailViolations
            + (try await invariants())
    }

    /// What an answer has against the journal, or what nobody should ever be told.
    private func contradiction(
        in attempt: Attempt, _ appointments: AppointmentHistory
    ) -> String? {
        let rows = written[attempt.number] ?? []
        let deeds = rows.count { $0.action == attempt.errand.action }
        guard deeds <= 1 else { return "\(attempt.name): done \(deeds) times" }
        switch attempt.told {
        case .nothing: return nil
        case .done(let shown):
            guard let action = attempt.errand.action else { return nil }
            if let deed = rows.first(where: { $0.action == action }) {
                return says(
                    shown, of: attempt.errand, deed, last: rows.last { $0.object == deed.object })
                    ? nil : "\(attempt.name): told \(shown), and done was \(deed)"
            }
            // A move to where it was already.
            if case .move(let id, let slot) = attempt.errand, let version = shown.version,
                appointments.slot(of: id, at: version) == ground.scene.slots[slot].id
            {
                return nil
            }
            return "\(attempt.name): told that it was done; it was not"
        case .refused(let code, _):
            guard rows.isEmpty else { return "\(attempt.name): told \(code), and it was done" }
            return appointments.explains(code, attempt)
                ? nil : "\(attempt.name): told \(code), which nothing explains"
        }
    }

    /// Whether what was answered, and what was asked for, is what was done.
    /// - Parameter last: What the request has made of the same thing in the end: a slot that is opened may go to
    ///   somebody who waits.
    private func says(
        _ shown: Shown, of errand: Errand, _ deed: JournalRow, last: JournalRow?
    ) -> Bool {
        let scene = ground.scene
        switch errand {
        case .book(let slot, let patient):
            return shown.id == deed.object && deed.slot == scene.slots[slot].id
                && deed.patient == scene.patients[patient] && shown.slot_id == deed.slot
        case .cancel(let id, _): return deed.object == id && shown.version == deed.version
        case .move(let id, let slot):
            return deed.object == id && shown.version == deed.version
                && deed.slot == scene.slots[slot].id && shown.slot_id == deed.slot
        case .hold(let slot, let patient):
            return deed.object == scene.slots[slot].id && deed.patient == scene.patients[patient]
        case .release(let slot), .delete(let slot, _): return deed.object == scene.slots[slot].id
        case .block(let slot, let isBlocked, _):
            return deed.object == scene.slots[slot].id && shown.version == last?.version
                && deed.isBlocked == isBlocked
        case .join, .register: return shown.id == deed.object
        case .decide(let registration, _):
            return deed.object.uuidString.lowercased() == registration.lowercased()
        case .read: return true
        }
    }

    /// What no order of a slot's operations explains.
    private func slotViolations(_ appointments: AppointmentHistory) -> [String] {
        var operations: [Int: [SlotOperation]] = [:]
        // Answers tell the ends of holds in whole milliseconds.
        var ends: [Int: [Int: Date]] = [:]
        for row in rows {
            guard let until = row.until, let place = places[row.object] else { continue }
            ends[place, default: [:]][until.milliseconds] = until
        }
        for row in rows where row.type == "slot" {
            guard let place = places[row.object], let change = change(of: row, appointments)
            else { continue }
            let attempt = row.attempt.flatMap { attempts[$0] }
            operations[place, default: []].append(
                SlotOperation(
                    attempt?.name ?? "the service", asked: attempt?.asked ?? start,
                    answer: attempt.flatMap { attempt in
                        guard case .done = attempt.told else { return nil }
                        return .done(at: attempt.answered)
                    }, entry: SlotOperation.Entry(version: row.version, change)))
        }
        for attempt in attempts.values where written[attempt.number] == nil {
            guard let place = attempt.errand.slot,
                let seen = observation(in: attempt, ends[place, default: [:]], appointments)
            else { continue }
            operations[place, default: []].append(
                SlotOperation(
                    attempt.name, asked: attempt.asked, answer: .saw(seen, at: attempt.answered)))
        }
        return operations.flatMap { place, operations in
            SlotHistory(
                from: SlotState(capacity: ground.scene.slots[place].capacity), operations
            ).violations().map { "slot \(ground.scene.slots[place].id.uuidString): \($0)" }
        }
    }

    private func invariants() async throws -> [String] {
        let database = ground.server.database
        return try await ground.insisting {
            try await withService(on: database, database.owner) { service in
                try await Verification(store: service.store).run().breaches.map {
                    "\($0.rule) \($0.row)"
                }
            }
        }
    }
}

extension Reckoning {
    /// What made a version of a slot; nil for the first.
    private func change(
        of row: JournalRow, _ appointments: AppointmentHistory
    ) -> SlotChange? {
        let attempt = row.attempt.flatMap { attempts[$0] }
        switch row.action {
        case "slot.booked":
            guard let appointment = row.appointment else { return nil }
            return .booked(
                appointment, patient: appointments.patients[appointment] ?? appointment)
        case "slot.freed": return row.appointment.map { .freed($0) }
        case "slot.held":
            guard let patient = row.patient, let until = row.until else { return nil }
            return .held(patient: patient, until: until)
        case "slot.released": return row.patient.map { .released(patient: $0) }
        case "slot.changed":
            guard case .block(_, _, let version) = attempt?.errand else { return nil }
            return .changed(isBlocked: row.isBlocked, from: version)
        case "slot.deleted":
            guard case .delete(_, let version) = attempt?.errand else { return nil }
            return .deleted(from: version)
        default: return nil
        }
    }

    /// What an attempt that changed nothing was told about its slot.
    /// - Parameter ends: Of the slot's holds, by their milliseconds.
    private func observation(
        in attempt: Attempt, _ ends: [Int: Date], _ appointments: AppointmentHistory
    ) -> SlotObservation? {
        switch (attempt.told, attempt.errand) {
        case (.done(let shown), .read):
            guard let version = shown.version, case .word(let word) = shown.status else {
                return nil
            }
            return .read(
                version: version, booked: shown.booked,
                status: SlotObservation.Status(rawValue: word))
        case (.refused("slot_not_found", _), _): return .notFound
        case (.refused("slot_unavailable", _), _): return .unavailable
        case (.refused("slot_taken", _), _): return .taken
        case (.refused("slot_held", let shown), let errand):
            return shown.end.map {
                .held(until: ends[$0.milliseconds] ?? $0, from: patient(of: errand, appointments))
            }
        case (.refused("hold_not_found", _), _): return .notHeld(by: nil)
        case (.refused("version_conflict", let shown), .block(_, _, let version)),
            (.refused("version_conflict", let shown), .delete(_, let version)):
            return .stale(sent: version, current: shown.current?.version)
        case (.refused("slot_booked", _), .block(_, _, let version)),
            (.refused("slot_booked", _), .delete(_, let version)):
            return .booked(sent: version)
        default: return nil
        }
    }

    private func patient(of errand: Errand, _ appointments: AppointmentHistory) -> UUID? {
        switch errand {
        case .move(let id, _): appointments.patients[id]
        case .book(_, let patient), .hold(_, let patient): ground.scene.patients[patient]
        default: nil
        }
    }
}

extension Shown {
    /// When the hold ends of which it tells.
    fileprivate var end: Date? {
        guard let text = detail?.firstMatch(of: /until (\S+)Z/)?.1 else { return nil }
        return try? Date(
            "\(text)Z",
            strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: text.contains(".")))
    }
}

extension Date {
    fileprivate var milliseconds: Int { Int((timeIntervalSince1970 * 1_000_000).rounded()) / 1000 }
}
