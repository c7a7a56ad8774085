import Clinic
import Hummingbird

extension HTTPFront {
    var messageRoutes: [Route] {
        [
            Route(
                .get, "/v1/clinics/{clinic}/messages", for: .admins, query: ["status"] + Query.page
            ) { call in
                try await ListPage(
                    messages.messages(
                        in: call.clinicID, status: call.query.choice("status"), call.query.page()),
                    of: call.query
                ).response(to: call)
            }
        ]
    }
}
