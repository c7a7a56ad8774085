import Foundation
import Postgres
import PostgresTesting

/// The messages of a fault run, and what arrived of them.
struct Letters: Sendable {
    let counts: (arrived: Int, again: Int)
    let violations: [String]

    private struct Line: Decodable {
        let event: String
        let headers: [[String]]?
    }

    init(on ground: FaultGround) async throws {
        // What is sent by now has arrived before.
        let clinic = ground.scene.clinic
        let sent = try await ground.insisting {
            try await ground.server.database.owner.read { tx in
                tx.pipeline.all(
                    Scalar<UUID>.self,
                    "SELECT id FROM outbox WHERE clinic_id = \(clinic) AND status = 'sent'")
            }
        }
        var arrivals: [String: Int] = [:]
        for line in try Data(contentsOf: ground.mail).split(separator: UInt8(ascii: "\n")) {
            // The last one before the server was killed may be cut off, and so was its acceptance.
            guard let message = try? JSONDecoder().decode(Line.self, from: line),
                let id = message.headers?.first(where: { $0[0].lowercased() == "message-id" })
            else { continue }
            arrivals[String(id[1].drop { $0 == "<" }.prefix { $0 != "@" }), default: 0] += 1
        }
        counts = (arrivals.count, arrivals.values.count { $0 > 1 })
        let lost = sent.map { $0.value.uuidString.lowercased() }.filter { arrivals[$0] == nil }
        violations = lost.map { "message \($0) is sent, and never arrived" }
    }
}
