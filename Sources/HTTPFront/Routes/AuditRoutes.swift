import Clinic
import Hummingbird

extension HTTPFront {
    var auditRoutes: [Route] {
        [
            Route(
                .get, "/v1/clinics/{clinic}/audit", for: .admins,
                query: ["object_type", "object_id"] + Query.page
            ) { call in
                try await ListPage(
                    audit.entries(
                        in: call.clinicID, of: call.query.choice("object_type"),
                        call.query.id("object_id"), call.query.page()), of: call.query
                ).response(to: call)
            }
        ]
    }
}
