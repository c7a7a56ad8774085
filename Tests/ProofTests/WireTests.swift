import HTTPTypes
import PostgresTesting
import Proof
import ServiceTesting
import Testing

@testable import HTTPFront

@Suite("Connections that break off", .timeLimit(.minutes(30)))
struct WireTests {
    @Test(
        "cut at every message, the answer is true, and the next one under its key the same",
        arguments: WireRequest.all)
    func everyMessage(request: WireRequest) async throws {
        let cut = try await request.cutEverywhere()
        #expect(cut.violations == [])
        #expect(cut.cuts > 20)
    }

    @Test("every route that changes something is tried")
    func everyRoute() async throws {
        try await withService { service in
            let front = HTTPFront(store: service.store, tokens: service.tokens)
            let routes = front.routes.filter { [.post, .patch, .delete].contains($0.method) }
            let tried = Set(WireRequest.all.map(\.title))
            let left = routes.map { "\($0.method.rawValue) \($0.path)" }.filter { route in
                !tried.contains(route)
                    && !tried.contains(route.replacing("/v1/clinics/{clinic}/", with: ""))
            }
            #expect(left == [])
        }
    }
}
