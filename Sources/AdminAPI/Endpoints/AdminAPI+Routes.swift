import FleetModel
import FleetStore
import HTTPTypes
import Hummingbird

extension AdminAPI {
    var routeEndpoints: [Endpoint] {
        [
            Endpoint(
                method: .get, path: "/v1/routes/{name}", access: .token(.read, reach: .databaseInPath)
            ) { call async throws(BerthError) in
                try .json(RouteResource(try await fleet.catalogue.route(to: try call.databaseName())))
            }
        ]
    }
}
