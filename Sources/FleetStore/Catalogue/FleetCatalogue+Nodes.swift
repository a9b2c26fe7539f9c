public import FleetModel
import Foundation

extension FleetCatalogue {
    /// Every node that ever registered, in the order of their names.
    public func nodes() async throws(BerthError) -> [NodeStatus] {
        let rows = try await run("""
            select n.name, coalesce(s.address, n.address) as address, n.state, n.engines, s.id as session, s.started_at,
                   s.program_version, s.protocol_version, s.format_version,
                   (select count(*) from placements p where p.leader = n.name) as placed,
                   (select count(*) from leases l where l.session = s.id) as leading
            from nodes n
            left join lateral (
                select * from sessions where node = n.name and role = 'node' and ended_at is null and revoked_at is null
                order by started_at desc limit 1) s on true
            order by n.name
            """)
        var nodes: [NodeStatus] = []
        for row in rows {
            nodes.append(
                try value {
                    let session = try row.optionalUUID("session").map { SessionID($0) }
                    return NodeStatus(
                        name: try NodeName(try row.string("name")), address: try row.string("address"),
                        state: NodeState(rawValue: try row.string("state")) ?? .cordoned,
                        // One this program does not know is none it could place.
                        engines: Set(try row.strings("engines").compactMap { EngineKind(rawValue: $0) }), isAlive: session != nil,
                        session: session, startedAt: try row.optionalDate("started_at"),
                        placed: try row.int64("placed"), leading: try row.int64("leading"),
                        program: try row.optionalString("program_version").map { name in
                            ProgramVersion(name: name, protocol: try row.int("protocol_version"), format: try row.int("format_version"))
                        })
                })
        }
        return nodes
    }

    /// The names of all nodes that ever registered. Cheaper than `nodes()`, which counts.
    public func nodeNames() async throws(BerthError) -> [NodeName] {
        let rows = try await run("select name from nodes order by name")
        return try value { try rows.map { try NodeName(try $0.string("name")) } }
    }

    /// - Throws: `node_not_found`.
    public func node(named name: NodeName) async throws(BerthError) -> NodeStatus {
        guard let node = try await nodes().first(where: { $0.name == name }) else {
            throw BerthError(.nodeNotFound, "There is no node named “\(name)”. `berth node list` shows those there are.")
        }
        return node
    }

    /// Lets a node take new leaders, or not.
    ///
    /// - Throws: `node_not_found`.
    public func setState(_ state: NodeState, of name: NodeName) async throws(BerthError) {
        let rows = try await run(
            "update nodes set state = $2 where name = $1 returning name",
            [.text(name.description), .text(state.rawValue)])
        if rows.isEmpty {
            throw BerthError(.nodeNotFound, "There is no node named “\(name)”. `berth node list` shows those there are.")
        }
    }
}
