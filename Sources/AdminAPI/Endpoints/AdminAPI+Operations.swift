import FleetModel
import FleetStore
import HTTPTypes
import Hummingbird

extension AdminAPI {
    var operationEndpoints: [Endpoint] {
        [
            Endpoint(
                method: .get, path: "/v1/operations", access: .token(.read, reach: .fleet),
                query: ["open", "limit", "cursor"]
            ) { call async throws(BerthError) in try await listOperations(call) },
            Endpoint(
                method: .get, path: "/v1/operations/{id}", access: .token(.read, reach: .handlerChecks), query: ["wait"]
            ) { call async throws(BerthError) in
                let wait = try call.query.integer("wait", in: 0...60) ?? 0
                let watch = OperationWatch(catalogue: fleet.catalogue, hints: fleet.hints, clock: clock)
                let record = try await operation(call)
                return try .json(OperationResource(try await watch.next(after: record, within: .seconds(wait))))
            },
            Endpoint(
                method: .post, path: "/v1/operations/{id}/cancel", access: .token(.operate, reach: .handlerChecks)
            ) { call async throws(BerthError) in
                let record = try await operation(call)
                return try .json(OperationResource(try await fleet.catalogue.requestCancel(record.id)))
            },
        ]
    }

    /// Records that something shall be done; the leading manager does it.
    func open(
        _ kind: OperationKind, database: DatabaseID? = nil, node: NodeName? = nil
    ) async throws(BerthError) -> Answer {
        let record = try await fleet.catalogue.createOperation(kind, database: database, node: node)
        return try .json(OperationResource(record), status: .accepted)
    }

    private func listOperations(_ call: Call) async throws(BerthError) -> Answer {
        let limit = try call.pageSize()
        let before = try call.query["cursor"].map { cursor throws(BerthError) in
            guard let id = OperationID(cursor) else {
                throw BerthError(.invalidArgument, "“cursor” must be the “next_cursor” of the page before.")
            }
            return id
        }
        var found = try await fleet.catalogue.operations(
            openOnly: try call.query.flag("open"), before: before, limit: limit + 1)
        invariant(found.count <= limit + 1, "a page is longer than was asked for")
        let hasMore = found.count > limit
        if hasMore { found.removeLast(found.count - limit) }
        return try .json(
            OperationPage(
                operations: found.map(OperationResource.init), nextCursor: hasMore ? found.last?.id.description : nil))
    }

    /// The operation the path names, if the caller may see it.
    private func operation(_ call: Call) async throws(BerthError) -> OperationRecord {
        let text = call.pathText("id")
        guard let id = OperationID(text) else {
            throw BerthError(
                .operationNotFound, "“\(text.prefix(80))” is no operation's identifier. `berth operation list` shows them.")
        }
        let record = try await fleet.catalogue.operation(id)
        try call.caller?.requireReach(to: record.databaseName)
        return record
    }
}
