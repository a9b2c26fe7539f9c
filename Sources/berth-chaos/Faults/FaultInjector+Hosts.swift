import Chaos
import Glibc

/// What may become of the processes in which databases are open, whatever their tenants send. The workers that lead them live on.
extension FaultInjector {
    func killHost(of node: String, _ strength: Double) async throws -> Effect {
        let host = try await host(of: node, strength)
        kill(host, SIGKILL)
        return Effect(targets: [node], note: "engine host \(host)")
    }

    /// Its node ends it if it takes too long.
    func pauseHost(of node: String, _ lasting: Duration, _ strength: Double) async throws -> Effect {
        let host = try await host(of: node, strength)
        let pause = try await Pause.begin([host])
        await last(lasting)
        let wasEnded = ProcessTable.commandLine(of: host).isEmpty
        pause.end()
        return Effect(targets: [node], note: "engine host \(host) for \(lasting)" + (wasEnded ? ", ended by its node" : ""))
    }

    private func host(of node: String, _ strength: Double) async throws -> Int32 {
        let hosts = fleet.hosts(ofWorker: try await worker(of: node))
        guard !hosts.isEmpty else { throw NothingThere(why: "no engine host runs") }
        return hosts[min(hosts.count - 1, Int(strength * Double(hosts.count)))]
    }

    /// Clients of one database that a node leads ask for more memory than there is. What they are answered does not matter; what becomes of others'
    /// requests is what the run looks at.
    func fillHost(of node: String, _ lasting: Duration, _ strength: Double) async throws -> Effect {
        let led = try await databases(ledBy: node)
        guard !led.isEmpty else { throw NothingThere(why: "it leads nothing, or Postgres does not tell") }
        let chosen = led[min(led.count - 1, Int(strength * Double(led.count)))], clock = ContinuousClock(), end = clock.now + lasting
        let requests = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<Self.fillers {
                group.addTask { [fleet] in
                    var requests = 0
                    while clock.now < end, !Task.isCancelled {
                        // It is given up when the fault is over; then its statement ends as well.
                        let client = DataClient(
                            http: fleet.http, url: fleet.addresses.url(node), database: chosen.name, token: fleet.token, timeout: max(.milliseconds(1), end - clock.now))
                        do throws(CallFailure) { _ = try await client.pipeline([.execute(Dialect.wantsMemory(chosen.engine)), .close]) } catch {
                            // Refused at once, as while its host is being replaced.
                            try? await Task.sleep(for: Self.fillerPause)
                        }
                        requests += 1
                    }
                    return requests
                }
            }
            return await group.reduce(0, +)
        }
        return Effect(targets: [node], note: "\(chosen.name), \(requests) requests for \(lasting)")
    }

    /// Clients at a time.
    private static let fillers = 4
    private static let fillerPause = Duration.milliseconds(20)

    private func databases(ledBy node: String) async throws -> [(name: String, engine: String)] {
        let store = try FleetStoreReader(fleet)
        let led = try? await store.databases(ledBy: node)
        await store.close()
        return led ?? []
    }
}
