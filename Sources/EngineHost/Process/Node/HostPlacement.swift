import FleetModel

/// Which host a database is opened in: a pure value.
///
/// Databases of an engine with a limited number of hosts are spread over them by how many are open in each; those of one without, and those that are
/// to be alone, have a host each. Of every engine in use some hosts are ready that nobody uses, so that an opening need not wait for a start.
struct HostPlacement {
    enum Action: Hashable {
        case start(HostNumber, EngineKind)
        case end(HostNumber)
    }

    typealias HostNumber = Int

    private struct Host {
        var engine: EngineKind
        /// Databases open or being opened.
        var databases = 0
        /// One database alone may be opened here.
        var isOwn = false
        /// Since when it has had no database; `nil` while it has some.
        var emptySince: Duration?
        var wasUsed = false
    }

    /// Hosts that databases of an engine share, at most; `nil` for one each.
    let shared: [EngineKind: Int]
    let spares: Int
    /// How long a host of its own stays without a database.
    let idleTimeout: Duration
    private var hosts: [HostNumber: Host] = [:]
    private var last = 0

    init(shared: [EngineKind: Int], spares: Int, idleTimeout: Duration) {
        invariant(shared.values.allSatisfy { $0 > 0 } && spares >= 0, "databases need at least one host to share")
        self.shared = shared
        self.spares = spares
        self.idleTimeout = idleTimeout
    }

    var count: Int { hosts.count }

    /// Chooses the host of a database, and counts it there.
    mutating func place(_ engine: EngineKind, alone: Bool, at now: Duration) -> (host: HostNumber, actions: [Action]) {
        var actions: [Action] = []
        let isOwn = alone || shared[engine] == nil
        let host = isOwn ? unused(engine) ?? start(engine, &actions) : sharedHost(engine, &actions)
        hosts[host]?.databases += 1
        hosts[host]?.isOwn = isOwn
        hosts[host]?.wasUsed = true
        hosts[host]?.emptySince = nil
        invariant(hosts[host]?.engine == engine, "a database is placed in a host of another engine")
        keepSpares(engine, &actions)
        return (host, actions)
    }

    /// Begins to use `engine`: some hosts are ready ahead of the first database.
    mutating func prepare(_ engine: EngineKind) -> [Action] {
        var actions: [Action] = []
        keepSpares(engine, &actions)
        return actions
    }

    /// A database was closed, or not opened.
    mutating func leave(_ number: HostNumber, at now: Duration) {
        guard var host = hosts[number] else { return }
        host.databases -= 1
        invariant(host.databases >= 0, "more databases leave a host than were in it")
        if host.databases == 0 { host.emptySince = now }
        hosts[number] = host
    }

    /// A host ended.
    ///
    /// - Parameter wasReady: one that never was is not followed by another: the next would end the same way.
    mutating func ended(_ number: HostNumber, wasReady: Bool) -> [Action] {
        var actions: [Action] = []
        if let host = hosts.removeValue(forKey: number), wasReady { keepSpares(host.engine, &actions) }
        return actions
    }

    /// Hosts of their own that nobody has used for some time, beyond the spare ones.
    mutating func idle(at now: Duration) -> [Action] {
        var actions: [Action] = []
        for engine in EngineKind.allCases {
            let empty = hosts.filter { $0.value.engine == engine && $0.value.databases == 0 && ($0.value.isOwn || !$0.value.wasUsed) }
            let idle = empty.filter { $0.value.emptySince.map { now - $0 >= idleTimeout } ?? false }.keys.sorted()
            for number in idle.prefix(max(0, empty.count - spares)) {
                hosts[number] = nil
                actions.append(.end(number))
            }
        }
        return actions
    }

    private mutating func start(_ engine: EngineKind, _ actions: inout [Action]) -> HostNumber {
        last += 1
        hosts[last] = Host(engine: engine)
        actions.append(.start(last, engine))
        return last
    }

    private func unused(_ engine: EngineKind) -> HostNumber? {
        hosts.filter { $0.value.engine == engine && $0.value.databases == 0 && ($0.value.isOwn || !$0.value.wasUsed) }.keys.min()
    }

    private mutating func sharedHost(_ engine: EngineKind, _ actions: inout [Action]) -> HostNumber {
        let all = hosts.filter { $0.value.engine == engine && $0.value.wasUsed && !$0.value.isOwn }
        let least = all.min { ($0.value.databases, $0.key) < ($1.value.databases, $1.key) }
        if let least, least.value.databases == 0 || all.count >= shared[engine] ?? 1 { return least.key }
        return unused(engine) ?? start(engine, &actions)
    }

    private mutating func keepSpares(_ engine: EngineKind, _ actions: inout [Action]) {
        while hosts.values.count(where: { $0.engine == engine && $0.databases == 0 && ($0.isOwn || !$0.wasUsed) }) < spares {
            _ = start(engine, &actions)
        }
    }
}
