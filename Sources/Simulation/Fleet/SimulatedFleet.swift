import Chaos
import EngineHost
import Engines
import FleetManager
import FleetModel
import FleetStore
import Foundation
import Gateway
import Leases
import Logging
import ObjectStores
import Replication
import WorkerNode

/// A whole fleet on one thread: nodes, managers, store, bucket and the network between them.
final class SimulatedFleet: @unchecked Sendable {
    // `@unchecked Sendable`: confined to the one thread the simulation runs on.

    let settings: SimulationSettings
    let scheduler: Scheduler
    let network: Network
    let trace: Trace
    let store: StoreServer
    let bucket = BucketServer()
    private(set) lazy var checker = StepChecker(self)
    let storeLife = Life(Party.postgres)
    let bucketLife = Life(Party.bucket)
    /// Below it the disks of all lives.
    let directory: String
    private(set) var nodes: [NodeProcess] = []
    private(set) var managers: [ManagerProcess] = []
    private(set) var databases: [TestedDatabase] = []
    private(set) var events: [HistoryEvent] = []
    private var supervisors: [NodeName: Life] = [:]
    private var sessions: [NodeName: SessionID] = [:]
    private var listeners: [(life: Life, deliver: AsyncStream<StoreHint>.Continuation)] = []
    private var names: [DatabaseID: String] = [:]

    let engines: EngineSet
    let workerSettings: WorkerSettings
    /// Of the processes that have databases of the nodes open, and how nodes keep them.
    let hostConfiguration: HostConfiguration
    let hostSettings: ProcessHostSettings
    let managerSettings: ManagerSettings
    let gatewayLimits: GatewayLimits

    init(_ settings: SimulationSettings, seed: UInt64, directory: String) {
        self.settings = settings
        self.directory = directory
        scheduler = Scheduler(seed: seed)
        network = Network(scheduler)
        store = StoreServer(scheduler)

        engines = settings.engines
        trace = Trace(comparesChecksums: settings.engines.kinds == [.sqlite])
        var worker = WorkerSettings()
        // How full this machine's disk is has no part in a schedule.
        worker.copyCache.highWaterPercent = 100
        worker.tenants.idleTimeout = .seconds(6)
        worker.tenants.statementTimeout = .seconds(1)
        worker.tenants.requestTimeout = .seconds(2)
        worker.tenants.publishTimeout = .seconds(8)
        worker.unableToServeLimit = .seconds(6)
        // As quick as everything else after a fault.
        worker.shipper.refusedRetryDelay = .milliseconds(200)...(.seconds(2))
        workerSettings = worker
        var host = HostConfiguration(), hosts = ProcessHostSettings()
        host.settings = worker.tenants.host
        host.limits.watchdogGrace = .milliseconds(300)
        host.limits.stallTimeout = .seconds(2)
        host.limits.recycleTime = .seconds(2)
        hosts.sqliteHosts = 2
        // As quick as everything else after a fault.
        hosts.quarantine.window = .seconds(12)
        hosts.quarantine.refusal = .milliseconds(800)
        hosts.quarantine.longestRefusal = .seconds(2)
        (hostConfiguration, hostSettings) = (host, hosts)
        var manager = ManagerSettings()
        manager.pollInterval = settings.ttl / 10
        manager.absenceGrace = .seconds(4)
        manager.handoverTimeout = .seconds(3)
        manager.moveTimeout = .seconds(10)
        manager.sweepGrace = .seconds(3)
        manager.sweepInterval = .seconds(2)
        managerSettings = manager
        var limits = GatewayLimits()
        limits.wait = .seconds(6)
        limits.reply = .seconds(12)
        gatewayLimits = limits

        scheduler.standstill = (settings.ttl / 20)...(settings.ttl * 3)
        store.onHint = { [unowned self] in spread($0) }
        store.onLeaseChange = { [unowned self] in leaseChanged($0) }
        store.onRow = { [unowned self] in checker.rowChanged(from: $0, to: $1) }
        bucket.onDelete = { [unowned self] in checker.deleted($0) }
        scheduler.check = { [unowned self] in checker.look() }
        store.onSessionEnd = { [unowned self] session in
            checker.sessionEnded(session)
            guard session.role == .node else { return }
            note(Party.postgres, "session \(session.id) of \(session.node) is over")
            record(.sessionEnded(SessionEnd(session: "\(session.id)", reason: "ended", at: now)))
        }
        for index in 1...settings.nodes { nodes.append(NodeProcess(Self.name("node-\(index)"), fleet: self)) }
        for index in 1...settings.managers { managers.append(ManagerProcess(Self.name("manager-\(index)"), fleet: self)) }
    }

    private static func name(_ text: String) -> NodeName {
        guard let name = try? NodeName(text) else { fatalError("\(text) is a name") }
        return name
    }

    // MARK: What happens is written down

    var now: Moment { Moment(scheduler.now) }

    func note(_ who: String, _ what: String) { trace.add(scheduler.now, who, what) }

    func record(_ event: HistoryEvent) { events.append(event) }

    func logger(_ who: String) -> Logger { TraceLog.logger(trace, scheduler, who) }

    func sessionOpened(_ session: NewSession) {
        sessions[session.node] = session.id
        record(.sessionOpened(SessionOpening(session: "\(session.id)", node: "\(session.node)", at: now)))
    }

    func session(of node: NodeProcess) -> SessionID? { sessions[node.name] }

    private func leaseChanged(_ lease: Lease) {
        guard let name = names[lease.database] else { return }
        note(Party.postgres, "lease of \(name): epoch \(lease.epoch), session \(lease.session.map { "\($0)" } ?? "none"), head \(lease.head)")
        record(
            .leaseChanged(
                LeaseChange(database: name, epoch: lease.epoch.value, session: lease.session.map { "\($0)" }, at: now)))
    }

    // MARK: Making things

    /// Creates the databases, spread over the nodes, before anything runs.
    func createDatabases() {
        var ids: [DatabaseID] = [.managerLease]
        let kinds = engines.kinds.sorted { $0.rawValue < $1.rawValue }
        for index in 0..<settings.databases {
            let durability = settings.durabilities[index % settings.durabilities.count]
            let engine = kinds[index / settings.durabilities.count % kinds.count]
            let database = TestedDatabase(
                name: "\(engine.rawValue)-\(durability)-\(index + 1)", engine: engine.rawValue, durability: durability, accounts: 4,
                balance: 1_000)
            databases.append(database)
            guard let name = try? DatabaseName(database.name), let durability = Durability(rawValue: durability) else {
                fatalError("\(database.name) is no database")
            }
            let id = DatabaseID.random(using: &scheduler.chance)
            names[id] = database.name
            ids.append(id)
            let record = DatabaseRecord(id: id, name: name, engine: engine, durability: durability, createdAt: Date(timeIntervalSince1970: 0))
            store.placements[id] = .init(record: record, node: nodes[index % nodes.count].name)
            events.append(.database(database))
        }
        let created = ids
        let store = store
        scheduler.start(on: storeLife) { await store.statement { try? await store.leases.createLeases(created) } }
    }

    func databaseID(_ name: String) -> DatabaseID? { names.first { $0.value == name }?.key }

    /// The last published changeset of a database, as the store has it now.
    func head(of database: String) -> UInt64 { databaseID(database).flatMap { store.lastSeen[$0]?.head.seq } ?? 0 }

    /// Its name, for messages.
    func name(of database: DatabaseID) -> String? { names[database] }

    func makeClock(_ life: Life) -> SimulatedClock {
        SimulatedClock(
            scheduler: scheduler, life: life, offset: .seconds(Int64.random(in: 1...100_000, using: &scheduler.chance)),
            rate: Double.random(in: (1 - settings.clockDrift)...(1 + settings.clockDrift), using: &scheduler.chance))
    }

    func makeRandom() -> RandomSource {
        let scheduler = scheduler
        return RandomSource { scheduler.chance.next() }
    }

    func storeConnection(_ life: Life) -> StoreConnection {
        StoreConnection(life: life, network: network, store: store, server: storeLife, timeout: .seconds(4))
    }

    func bucketConnection(_ life: Life, _ clock: SimulatedClock, _ random: RandomSource) -> any ObjectStore {
        RetryingStore(
            BucketConnection(life: life, network: network, scheduler: scheduler, bucket: bucket, server: bucketLife, clock: clock),
            timing: RetryTiming(
                now: { clock.now() }, sleep: { try await clock.sleep(for: $0) }, random: { random.fraction(in: 0...0.999) }),
            logger: logger(life.name))
    }

    func supervisor(of node: NodeName) -> Life {
        if let life = supervisors[node] { return life }
        let life = Life("\(node)")
        supervisors[node] = life
        return life
    }

    func makeDisk(_ path: String, from former: String?) {
        do {
            if let former, FileManager.default.fileExists(atPath: former) {
                try FileManager.default.copyItem(atPath: former, toPath: path)
            } else {
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            }
        } catch {
            fatalError("The simulation's disk \(path): \(error)")
        }
    }

    func node(at address: String) -> NodeProcess? { nodes.first { $0.address == address } }

    // MARK: Hints

    /// Hints go to everybody who listens; they come late, and now and then not at all.
    private func spread(_ hint: StoreHint) {
        listeners.removeAll { $0.life.isDead }
        for listener in listeners where UInt64.random(in: 0..<20, using: &scheduler.chance) != 0 {
            network.tell(from: storeLife, to: listener.life) { listener.deliver.yield(hint) }
        }
    }

    func hints(for life: Life) -> AsyncStream<StoreHint> {
        let (stream, continuation) = AsyncStream.makeStream(of: StoreHint.self)
        listeners.append((life, continuation))
        return stream
    }
}
