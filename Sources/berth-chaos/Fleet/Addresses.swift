import Chaos
import Glibc
import NIOCore

/// Where everybody is, and by which ways they reach each other: each process has its own way to Postgres and to the
/// object store, and each data port lies behind a proxy that knows who connects.
struct Addresses: Sendable {
    /// Ports servers listen on, by name; only the harness uses them, when it asks how a process is.
    let listening: [String: Int]
    /// Ports of the ways to Postgres and to the object store, by the name of who takes them.
    let toPostgres: [String: Int]
    let toBucket: [String: Int]
    /// Ports of the ways to data ports, by the name of who listens.
    let advertised: [String: Int]
    private let proxies: [LinkProxy]

    /// - Parameters:
    ///   - postgres: path of its socket.
    ///   - bucketPort: `nil` when the object store has no connections.
    ///   - party: who connected, by the port they connected from.
    static func lay(
        _ topology: Topology, network: Network, postgres: String, bucketPort: Int?,
        party: @escaping @Sendable (Int) -> String
    ) async throws -> Addresses {
        let all = topology.nodes + topology.managers + topology.gateways
        // One to listen on, and ways to Postgres, to the object store and to itself.
        var ports = try FreePorts.choose(all.count * 4)
        let listening = Dictionary(uniqueKeysWithValues: all.map { ($0, ports.removeLast()) })
        let postgresAddress = try SocketAddress(unixDomainSocketPath: postgres)
        var proxies: [LinkProxy] = [], toPostgres: [String: Int] = [:], toBucket: [String: Int] = [:], advertised: [String: Int] = [:]
        for name in all {
            let proxy = try await LinkProxy.start(
                port: ports.removeLast(), from: { _ in name }, to: Party.postgres, upstream: postgresAddress, network: network)
            proxies.append(proxy)
            toPostgres[name] = proxy.port
        }
        if let bucketPort {
            let address = try SocketAddress(ipAddress: "127.0.0.1", port: bucketPort)
            for name in topology.nodes + topology.managers {
                let proxy = try await LinkProxy.start(
                    port: ports.removeLast(), from: { _ in name }, to: Party.bucket, upstream: address, network: network)
                proxies.append(proxy)
                toBucket[name] = proxy.port
            }
        }
        for name in topology.nodes + topology.gateways {
            guard let port = listening[name] else { continue }
            let proxy = try await LinkProxy.start(
                port: ports.removeLast(), from: party, to: name,
                upstream: try SocketAddress(ipAddress: "127.0.0.1", port: port), network: network, refusesWithUpstream: true)
            proxies.append(proxy)
            advertised[name] = proxy.port
        }
        return Addresses(
            listening: listening, toPostgres: toPostgres, toBucket: toBucket, advertised: advertised, proxies: proxies)
    }

    /// What the harness asks a process itself, past all faults.
    func direct(_ name: String) -> String { "http://127.0.0.1:\(listening[name] ?? 0)" }

    /// What others, and clients, use.
    func url(_ name: String) -> String { "http://127.0.0.1:\(advertised[name] ?? 0)" }

    func stop() async {
        for proxy in proxies { await proxy.stop() }
    }
}
