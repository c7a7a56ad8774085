import FoundationEssentials
import Synchronization
import Testing

@testable import Clinic

@Suite("The queue for batches, without a database", .timeLimit(.minutes(30)))
struct BatchQueueTests {
    private let clinic = UUID()

    @Test("whose deadline passes before its batch begins is sent away; who is in one is answered")
    func deadline() async throws {
        let (released, release) = AsyncStream.makeStream(of: Void.self)
        let (begun, begin) = AsyncStream.makeStream(of: Void.self)
        let seen = Mutex<[String]>([])
        let queue = BatchQueue<String, String> { names, _, _, _ in
            seen.withLock { $0 += names }
            begin.finish()
            for await _ in released {}
            return names.map(Optional.some)
        }
        async let first = answer(queue, "ann", until: .now)
        for await _ in begun {}
        let late = await answer(queue, "ben", until: .now + .milliseconds(20))
        #expect(late == "overloaded")
        #expect(queue.waiting == 0)
        release.finish()
        // Its own deadline passed long ago.
        #expect(await first == "ann")
        #expect(seen.withLock { $0 } == ["ann"])
    }

    @Test("who was late is asked again, with the lock waited for")
    func late() async {
        let queue = BatchQueue<String, String> { names, _, waits, _ in
            names.map { waits ? "\($0), who waited" : nil }
        }
        #expect(await answer(queue, "ann", until: .now + .seconds(60)) == "ann, who waited")
    }

    @Test("who is told before the others of the batch does not wait for them, and is told once")
    func early() async {
        let (begun, begin) = AsyncStream.makeStream(of: Void.self)
        let (firstIsOver, endFirst) = AsyncStream.makeStream(of: Void.self)
        let (released, release) = AsyncStream.makeStream(of: Void.self)
        let queue = BatchQueue<String, String> { names, _, _, tell in
            if names == ["zoe"] {
                begin.finish()
                for await _ in firstIsOver {}
            } else {
                if let place = names.firstIndex(of: "ann") { tell(place, "ann, early") }
                for await _ in released {}
            }
            return names.map(Optional.some)
        }
        async let zoe = answer(queue, "zoe", until: .now + .seconds(60))
        for await _ in begun {}
        // Both wait for that one's end, and go together.
        let (replies, reply) = AsyncStream.makeStream(of: String.self)
        for name in ["ben", "ann"] {
            queue.submit(name, for: UUID(), in: clinic, until: .now + .seconds(60)) {
                reply.yield((try? $0.get()) ?? "nothing")
            }
        }
        endFirst.finish()
        #expect(await zoe == "zoe")
        var answers = replies.makeAsyncIterator()
        #expect(await answers.next() == "ann, early")
        release.finish()
        #expect(await answers.next() == "ben")
        reply.finish()
        #expect(await answers.next() == nil)
    }

    private func answer(
        _ queue: BatchQueue<String, String>, _ name: String, until deadline: ContinuousClock.Instant
    ) async -> String {
        await withCheckedContinuation { continuation in
            queue.submit(name, for: UUID(), in: clinic, until: deadline) { result in
                switch result {
                case .success(let answer): continuation.resume(returning: answer)
                case .failure(let error as Unavailable):
                    continuation.resume(returning: "\(error.reason)")
                case .failure(let error): continuation.resume(returning: "\(error)")
                }
            }
        }
    }
}
