import Foundation

/// What became of the appointments of a fault run, by the journal, and what that explains.
struct AppointmentHistory: Sendable {
    private struct Step {
        let version: Int
        /// Nil once it is cancelled.
        let slot: UUID?
        let asked: Date
        let answered: Date
    }

    /// When somebody may have had an appointment.
    private struct Stay {
        let from: Date
        let until: Date
    }

    /// Who has an appointment.
    let patients: [UUID: UUID]
    /// Appointments that were answered in another order than they changed.
    let violations: [String]

    private let steps: [UUID: [Step]]
    /// By patient and start.
    private let stays: [String: [Stay]]
    /// When the decision about a registration was asked for.
    private let decisions: [UUID: Date]
    private let scene: FaultScene

    init(_ rows: [JournalRow], _ attempts: [Int: Attempt], _ scene: FaultScene) {
        self.scene = scene
        let starts = Dictionary(uniqueKeysWithValues: scene.slots.map { ($0.id, $0.startsAt) })
        decisions = Dictionary(
            rows.filter { ["registration.approved", "registration.rejected"].contains($0.action) }
                .map { ($0.object, $0.attempt.flatMap { attempts[$0]?.asked } ?? .distantPast) },
            uniquingKeysWith: { min($0, $1) })
        var steps: [UUID: [Step]] = [:]
        var patients: [UUID: UUID] = [:]
        for row in rows where row.type == "appointment" {
            let attempt = row.attempt.flatMap { attempts[$0] }
            patients[row.object] = row.patient ?? patients[row.object]
            steps[row.object, default: []].append(
                Step(
                    version: row.version,
                    slot: row.action == "appointment.cancelled" ? nil : row.slot,
                    asked: attempt?.asked ?? .distantPast,
                    answered: attempt?.answered ?? .distantFuture))
        }
        var stays: [String: [Stay]] = [:]
        var violations: [String] = []
        for (id, steps) in steps {
            for (place, step) in steps.enumerated() {
                let next = place + 1 < steps.count ? steps[place + 1] : nil
                if let next, next.answered < step.asked {
                    violations.append(
                        "appointment \(id): version \(next.version) was answered before version "
                            + "\(step.version) was asked for")
                }
                if step.version != place + 1 {
                    violations.append("appointment \(id): version \(place + 1) is missing")
                }
                guard let slot = step.slot, let start = starts[slot], let patient = patients[id]
                else { continue }
                stays[Self.key(patient, start), default: []].append(
                    Stay(from: step.asked, until: next?.answered ?? .distantFuture))
            }
        }
        self.steps = steps
        self.patients = patients
        self.stays = stays
        self.violations = violations
    }

    /// Where an appointment was at a version.
    func slot(of id: UUID, at version: Int) -> UUID? {
        steps[id]?.first { $0.version == version }?.slot
    }

    /// Whether what an attempt was refused for can have been so. What a slot's own history explains, or not, is
    /// left to that.
    func explains(_ code: String, _ attempt: Attempt) -> Bool {
        if Attempt.Told.passing.contains(code) { return true }
        switch (code, attempt.errand) {
        case ("slot_not_found", _), ("slot_unavailable", _), ("slot_taken", _), ("slot_held", _):
            return attempt.errand.slot != nil
        case ("hold_not_found", .release): return true
        case ("version_conflict", .block), ("version_conflict", .delete), ("slot_booked", .block),
            ("slot_booked", .delete):
            return true
        case ("patient_busy", .book(let slot, let patient)):
            return isBusy(scene.patients[patient], at: scene.slots[slot].startsAt, during: attempt)
        case ("patient_busy", .move(let id, let slot)):
            guard let patient = patients[id] else { return false }
            return isBusy(patient, at: scene.slots[slot].startsAt, during: attempt)
        case ("not_active", .cancel(let id, _)), ("not_active", .move(let id, _)):
            return steps[id]?.last.map { $0.slot == nil && $0.asked <= attempt.answered } ?? false
        case ("not_holdable", .hold(let slot, _)):
            // The others hold for seconds only, so nobody ever has 20.
            return scene.slots[slot].capacity > 1
        case ("waitlist_limit", .join): return true
        case ("version_conflict", .decide(let registration, _)),
            ("already_decided", .decide(let registration, _)):
            return UUID(uuidString: registration).flatMap { decisions[$0] }
                .map { $0 <= attempt.answered } ?? false
        default: return false
        }
    }

    private func isBusy(_ patient: UUID, at start: Date, during attempt: Attempt) -> Bool {
        stays[Self.key(patient, start), default: []].contains {
            $0.from <= attempt.answered && $0.until >= attempt.asked
        }
    }

    private static func key(_ patient: UUID, _ start: Date) -> String {
        "\(patient) \(start.timeIntervalSinceReferenceDate)"
    }
}
