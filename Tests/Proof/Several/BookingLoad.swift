import AsyncHTTPClient
import Foundation
import HTTPFront
import NIOCore
import NIOFoundationEssentialsCompat
import NIOHTTP1
import ServiceTesting
import Synchronization

/// Clients who book, one patient after another, each under a key with which they ask until they are answered.
final class BookingLoad: Sendable {
    /// What a client was told that it has.
    struct Acknowledgement: Hashable, Sendable {
        let appointment: UUID
        let slot: UUID
        let patient: UUID
    }

    private struct State {
        var acknowledged: [Acknowledgement] = []
        /// What was answered for good, and was no appointment.
        var refused: [String] = []
        /// How often a request was sent again.
        var retries = 0
        var next = 0
        var isOver = false
        var waiting: [(count: Int, continuation: CheckedContinuation<Bool, Never>)] = []
    }

    private let scene: LoadScene
    private let http: HTTPClient
    private let ports: [Int]
    private let pause: Duration
    private let state = Mutex(State())

    /// - Parameters:
    ///   - ports: Where the service is to be found; who is not answered asks at the next one.
    ///   - pause: What a client does not ask for between two patients.
    init(
        _ scene: LoadScene, http: HTTPClient, ports: [Int], pause: Duration = .milliseconds(20)
    ) {
        self.scene = scene
        self.http = http
        self.ports = ports
        self.pause = pause
    }

    var acknowledged: [Acknowledgement] { state.withLock(\.acknowledged) }
    var refused: [String] { state.withLock(\.refused) }
    var retries: Int { state.withLock(\.retries) }

    /// Has clients book until they are told to stop; each that began is answered.
    func run(clients: Int) async {
        await withTaskGroup { group in
            for client in 0..<clients {
                group.addTask {
                    while let patient = self.nextPatient() {
                        await self.book(patient, from: client)
                        // A person's pause, and not what is waited for.
                        try? await Task.sleep(for: self.pause)
                    }
                }
            }
        }
        stop()
    }

    /// Lets nobody begin any more.
    func stop() {
        let waiting = state.withLock { state in
            state.isOver = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for waiter in waiting { waiter.continuation.resume(returning: false) }
    }

    /// Returns once so many more appointments were acknowledged than by now.
    /// - Throws: ``Ended`` if that does not come any more.
    func acknowledge(_ count: Int) async throws {
        let came = await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if !state.isOver {
                    state.waiting.append((state.acknowledged.count + count, continuation))
                }
                return state.isOver
            }
            if isOver { continuation.resume(returning: false) }
        }
        guard came else { throw Ended() }
    }

    struct Ended: Error {}

    private func nextPatient() -> Int? {
        state.withLock { state in
            guard !state.isOver, state.next < scene.patients.count else { return nil }
            defer { state.next += 1 }
            return state.next
        }
    }

    private func book(_ number: Int, from client: Int) async {
        let (slot, patient) = (scene.slots[number % scene.slots.count], scene.patients[number])
        var place = client
        while !Task.isCancelled {
            switch await ask(for: slot, patient, at: ports[place % ports.count]) {
            case .appointment(let id):
                return note(Acknowledgement(appointment: id, slot: slot, patient: patient))
            case .refusal(let code): return state.withLock { $0.refused.append(code) }
            case .nothing:
                state.withLock { $0.retries += 1 }
                place += 1
                // As a client backs off that nobody answered.
                try? await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    private func note(_ acknowledgement: Acknowledgement) {
        let ready = state.withLock { state in
            state.acknowledged.append(acknowledgement)
            let ready = state.waiting.filter { $0.count <= state.acknowledged.count }
            state.waiting.removeAll { $0.count <= state.acknowledged.count }
            return ready
        }
        for waiter in ready { waiter.continuation.resume(returning: true) }
    }

    private enum Told {
        case appointment(UUID)
        case refusal(String)
        /// Nobody has answered, or nobody could yet.
        case nothing
    }

    private struct Shown: Decodable {
        let id: UUID?
        let code: String?
    }

    private func ask(for slot: UUID, _ patient: UUID, at port: Int) async -> Told {
        var request = HTTPClientRequest(
            url: "http://127.0.0.1:\(port)/v1/clinics/\(scene.clinic.text)/appointments")
        request.method = .POST
        request.headers = [
            "Authorization": "Bearer \(scene.desk)", "Content-Type": "application/json",
            "Idempotency-Key": patient.text,
        ]
        request.body = .bytes(
            ByteBuffer(
                string: #"{"slot_id": "\#(slot.text)", "patient_id": "\#(patient.text)"}"#))
        do {
            let response = try await http.execute(request, timeout: .seconds(20))
            let body = try await response.body.collect(upTo: 1 << 20)
            if response.status.code >= 500 { return .nothing }
            let shown = try? JSONDecoder().decode(Shown.self, from: Data(buffer: body))
            if let id = shown?.id, response.status == .created { return .appointment(id) }
            return .refusal(shown?.code ?? "\(response.status.code)")
        } catch {
            return .nothing
        }
    }
}
