import Foundation

/// What a client of the fault run wants; slots and patients by their places in the ``FaultScene``.
enum Errand: Sendable {
    case book(slot: Int, patient: Int)
    case cancel(UUID, slot: Int)
    case move(UUID, to: Int)
    case hold(slot: Int, patient: Int)
    case release(slot: Int)
    case read(slot: Int)
    case block(slot: Int, Bool, version: Int)
    case delete(slot: Int, version: Int)
    case join(slot: Int, patient: Int)
    case register
    case decide(registration: String, isApproved: Bool)

    /// Where it meets others.
    var slot: Int? {
        switch self {
        case .book(let slot, _), .cancel(_, let slot), .move(_, let slot), .hold(let slot, _),
            .release(let slot), .read(let slot), .block(let slot, _, _), .delete(let slot, _),
            .join(let slot, _):
            slot
        case .register, .decide: nil
        }
    }

    var name: String { String("\(self)".prefix { $0 != "(" }) }

    /// What the journal calls it. Whatever else a request brings about, this it does once.
    var action: String? {
        switch self {
        case .book: "appointment.booked"
        case .cancel: "appointment.cancelled"
        case .move: "appointment.moved"
        case .hold: "slot.held"
        case .release: "slot.released"
        case .block: "slot.changed"
        case .delete: "slot.deleted"
        case .join: "waitlist_entry.created"
        case .register: "registration.created"
        case .decide(_, let isApproved):
            isApproved ? "registration.approved" : "registration.rejected"
        case .read: nil
        }
    }
}

/// One errand of one client, and what came of it.
struct Attempt: Sendable {
    let number: Int
    let errand: Errand
    let asked: Date
    var answered = Date.distantFuture
    var told = Told.nothing
    /// How often it was sent: more than once only under a key.
    var tries = 0
    /// Whether it was given an answer that had been stored before.
    var wasReplayed = false
    /// Whether somebody else was at its slot when it began.
    var metOthers = false

    var name: String { "\(number): \(errand)" }

    enum Told: Sendable {
        /// Nothing, or that nobody knows.
        case nothing
        case done(Shown)
        /// By a problem's code.
        case refused(String, Shown)
    }
}

/// What an answer shows, as far as it matters.
struct Shown: Decodable, Sendable {
    var id: UUID?
    var slot_id: UUID?
    var version: Int?
    var booked: Int?
    var status: Status?
    var code: String?
    var detail: String?
    var current: Current?

    struct Current: Decodable, Sendable { let version: Int? }

    /// A slot's or an appointment's word for what it is, or a problem's number.
    enum Status: Decodable, Sendable {
        case word(String)
        case number

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let word = try? container.decode(String.self) {
                self = .word(word)
            } else {
                self = .number
            }
        }
    }
}
