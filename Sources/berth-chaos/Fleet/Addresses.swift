import Chaos
import Glibc
import NIOCore

/// Where everybody is, and by which ways they reach each other: each process has its own way to Postgres and to the
/// object store, and each data port lies behind proxies that know who connects.
struct Addresses: Sendable {
    /// Ports servers listen on, by name; only the harness uses them, when it asks how a process is.
    private(set) var listening: [String: Int] = [:]
    /// Ports of the ways to Postgres and to the object store, by the name of who takes them.
    private(set) var toPostgres: [String: Int] = [:]
    private(set) var toBucket: [String: Int] = [:]
    /// Ports of the ways to data ports, by the name of who listens: the fleet's own, and those of clients.
    private(set) var advertised: [String: Int] = [:]
    private(set) var forClients: [String: Int] = [:]
    private var proxies: [LinkProxy] = []

    /// - Parameters:
    ///   - postgres: path of its socket.
    ///   - bucketPort: `nil` when the object store has no connections.
    ///   - party: who of the fleet connected, by the port they connected from.
    static func lay(
        _ topology: Topology, network: Network, postgres: String, bucketPort: Int?,
        party: @escaping @Sendable (Int) -> String
    ) async throws -> Addresses {
        let all = topology.nodes + topology.managers + topology.gateways
        var addresses = Addresses(), ports = try FreePorts.choose(all.count * 5)
        func way(
            _ way: WritableKeyPath<Addresses, [String: Int]>, of name: String, from: LinkProxy.Source, to: String,
            _ upstream: SocketAddress, refusesWithUpstream: Bool = false
        ) async throws {
            let proxy = try await LinkProxy.start(
                port: ports.removeLast(), from: from, to: to, upstream: upstream, network: network,
                refusesWithUpstream: refusesWithUpstream)
            addresses.proxies.append(proxy)
            addresses[keyPath: way][name] = proxy.port
        }
        for name in all {
            addresses.listening[name] = ports.removeLast()
            try await way(
                \.toPostgres, of: name, from: .always(name), to: Party.postgres, try SocketAddress(unixDomainSocketPath: postgres))
        }
        if let bucketPort {
            let bucket = try SocketAddress(ipAddress: "127.0.0.1", port: bucketPort)
            for name in topology.nodes + topology.managers {
                try await way(\.toBucket, of: name, from: .always(name), to: Party.bucket, bucket)
            }
        }
        for name in topology.nodes + topology.gateways {
            let data = try SocketAddress(ipAddress: "127.0.0.1", port: addresses.listening[name] ?? 0)
            try await way(\.advertised, of: name, from: .lookUp(party), to: name, data, refusesWithUpstream: true)
            try await way(\.forClients, of: name, from: .always(Party.clients), to: name, data, refusesWithUpstream: true)
        }
        return addresses
    }

    /// What the harness asks a process itself, past all faults.
    func direct(_ name: String) -> String { "http://127.0.0.1:\(listening[name] ?? 0)" }

    /// What a process tells the others.
    func advertised(_ name: String) -> String { "http://127.0.0.1:\(advertised[name] ?? 0)" }

    /// What clients use.
    func url(_ name: String) -> String { "http://127.0.0.1:\(forClients[name] ?? 0)" }

    func stop() async {
        for proxy in proxies { await proxy.stop() }
    }
}
