import FleetModel
import FleetStore
import Foundation
import HTTPTypes
import Hummingbird

extension AdminAPI {
    var databaseEndpoints: [Endpoint] {
        [
            Endpoint(
                method: .post, path: "/v1/databases", access: .token(.operate, reach: .fleet),
                body: .object(["name", "engine", "durability", "foreign_keys"]), product: .database
            ) { call async throws(BerthError) in try await createDatabase(call) },
            Endpoint(
                method: .get, path: "/v1/databases", access: .token(.read, reach: .fleet),
                query: ["limit", "cursor", "leader", "prefix"]
            ) { call async throws(BerthError) in
                try await listDatabases(call, leader: try call.query["leader"].map { name throws(BerthError) in try NodeName(name) })
            },
            Endpoint(
                method: .get, path: "/v1/databases/{name}", access: .token(.read, reach: .databaseInPath)
            ) { call async throws(BerthError) in
                try await .json(resource(try await fleet.catalogue.database(named: try call.databaseName())))
            },
            Endpoint(
                method: .post, path: "/v1/databases/{name}/move", access: .token(.operate, reach: .databaseInPath),
                body: .object(["to"]), product: .operation
            ) { call async throws(BerthError) in try await moveDatabase(call) },
            Endpoint(
                method: .post, path: "/v1/databases/{name}/failover", access: .token(.operate, reach: .databaseInPath),
                product: .operation
            ) { call async throws(BerthError) in
                let status = try await fleet.catalogue.database(named: try call.databaseName())
                return try await open(.failover, database: status.record.id)
            },
            // What was acknowledged after that state is given up: a person's decision, hence `admin`.
            Endpoint(
                method: .post, path: "/v1/databases/{name}/accept-older", access: .token(.admin, reach: .databaseInPath),
                body: .object(["seq"])
            ) { call async throws(BerthError) in
                let name = try call.databaseName()
                guard let seq = try call.body.optionalInteger("seq"), seq > 0 else {
                    throw BerthError(.malformedRequest, "“$.seq” must be the state to go on from: “opens_seq” of the database.")
                }
                try await fleet.catalogue.acceptOlder(name, seq: UInt64(seq))
                return try await .json(resource(try await fleet.catalogue.database(named: name)))
            },
        ]
    }

    /// Also of one node, for `/v1/nodes/{name}/databases`.
    func listDatabases(_ call: Call, leader: NodeName?) async throws(BerthError) -> Answer {
        let limit = try call.pageSize()
        let after = try call.query["cursor"].map { cursor throws(BerthError) in
            guard let name = try? DatabaseName(cursor) else {
                throw BerthError(.invalidArgument, "“cursor” must be the “next_cursor” of the page before.")
            }
            return name.description
        }
        let prefix = call.query["prefix"]
        if let prefix, prefix.wholeMatch(of: /[a-z0-9-]{0,63}/) == nil {
            throw BerthError(.invalidArgument, "“prefix” must be the beginning of a name: at most 63 of a–z, 0–9 and “-”.")
        }
        // One more than asked for tells whether there is another page.
        var found = try await fleet.catalogue.databases(after: after, leader: leader, prefix: prefix, limit: limit + 1)
        invariant(found.count <= limit + 1, "a page is longer than was asked for")
        let hasMore = found.count > limit
        if hasMore { found.removeLast(found.count - limit) }
        let lags = await fleet.shipLags(found)
        return try .json(
            DatabasePage(
                databases: found.map { DatabaseResource($0, shipLag: lags[$0.record.id]) },
                nextCursor: hasMore ? found.last?.record.name.description : nil))
    }

    func resource(_ status: DatabaseStatus) async -> DatabaseResource {
        DatabaseResource(status, shipLag: await fleet.shipLags([status])[status.record.id])
    }

    private func createDatabase(_ call: Call) async throws(BerthError) -> Answer {
        let name = try DatabaseName(try call.body.string("name"))
        let engine = try call.body.choice("engine", default: EngineKind.sqlite)
        let durability = try call.body.choice("durability", default: Durability.local)
        let foreignKeys = try call.body.optionalBool("foreign_keys") ?? true
        guard foreignKeys || engine == .sqlite else {
            throw BerthError(.invalidArgument, "“foreign_keys” cannot be false: DuckDB always enforces them.")
        }
        // An attempt that comes again after its answer was lost has the same identifier, and so knows its own database.
        let id = call.attemptSeed.map { DatabaseID(attemptSeed: $0) } ?? .timeOrdered()
        do {
            try await fleet.catalogue.createDatabase(
                DatabaseRecord(
                    id: id, name: name, engine: engine, durability: durability, settings: DatabaseSettings(foreignKeys: foreignKeys),
                    createdAt: now()),
                on: try await fleet.choosePlacement(engine))
        } catch where error.code == .databaseExists && call.attemptSeed != nil {
            let existing = try await fleet.catalogue.database(named: name)
            guard existing.record.id == id else { throw error }
        }
        return try .json(
            await resource(try await fleet.catalogue.database(named: name)), status: .created)
    }

    private func moveDatabase(_ call: Call) async throws(BerthError) -> Answer {
        let name = try call.databaseName()
        let target = try NodeName(try call.body.string("to"))
        let status = try await fleet.catalogue.database(named: name)
        let node = try await fleet.catalogue.node(named: target)
        guard node.state == .active else {
            throw BerthError(
                .nodeCordoned,
                "“\(target)” is cordoned and takes nothing new. Choose another node, or `berth node uncordon \(target)`.")
        }
        guard node.isAlive else {
            throw BerthError(.nodeDead, "“\(target)” has no live session. Start it, or choose another node.")
        }
        guard node.engines.contains(status.record.engine) else {
            throw BerthError(
                .engineUnavailable,
                "“\(target)” does not have the engine “\(status.record.engine.rawValue)”. Choose another node, or install it there.")
        }
        return try await open(.move, database: status.record.id, node: target)
    }
}

extension DatabaseID {
    /// The identifier a seed stands for, as a UUIDv8 (RFC 9562).
    init(attemptSeed seed: [UInt8]) {
        invariant(seed.count >= 16, "an identifier of a seed that is too short is not unique")
        var bytes = Array(seed.prefix(16))
        bytes += Array(repeating: 0, count: 16 - bytes.count)
        bytes[6] = (bytes[6] & 0x0F) | 0x80
        bytes[8] = (bytes[8] & 0x3F) | 0x80
        self.init(
            UUID(uuid: (
                bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7],
                bytes[8], bytes[9], bytes[10], bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]
            )))
    }
}
