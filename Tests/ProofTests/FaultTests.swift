import Foundation
import PostgresTesting
import Proof
import Testing

@Suite("Faults while clients work", .timeLimit(.minutes(30)))
struct FaultTests {
    @Test("a minute of faults: every answer is explained, and every invariant holds")
    func minute() async throws {
        let folder = URL(filePath: TestServer.shared.folder + ".faults")
        let run = FaultRun(seed: 8, duration: .seconds(60), clients: 48, calm: 200...1000)
        let report = try await run.run(in: folder)
        #expect(report.violations == [])
        // A minute of a machine that does other things as well is not enough to ask more of.
        #expect(report.kinds >= 8 && report.acknowledged > 500)
        try FileManager.default.removeItem(at: folder)
    }
}
