import Chaos
import EngineHost
import Engines
import FleetModel
import FleetStore
import Foundation
import Gateway
import Leases
import Logging
import ObjectStores
import Replication
import Routing
import ServiceLifecycle
import WorkerNode

/// A worker node of the simulation, life after life, with the real worker and the real routing inside and the part of
/// its supervisor that matters: a dead worker's session is ended, then the next life begins.
final class NodeProcess: @unchecked Sendable {
    // `@unchecked Sendable`: confined to the one thread the simulation runs on.

    let name: NodeName
    let fleet: SimulatedFleet
    private(set) var life: Life
    private(set) var worker: WorkerNode?
    /// Where the worker's hosts are.
    private(set) var machine: SimulatedMachine?
    /// Of the life that runs, or ran last.
    private(set) var session: SessionID?
    private(set) var dispatch: LeaderDispatch?
    private(set) var clock: SimulatedClock?
    private var group: ServiceGroup?
    private var lives = 0
    private var directory: String
    /// Whether the next life may begin.
    var mayStart = true

    init(_ name: NodeName, fleet: SimulatedFleet) {
        self.name = name
        self.fleet = fleet
        directory = "\(fleet.directory)/\(name)-0"
        life = Life("\(name)", number: 0)
        life.isDead = true
    }

    var isUp: Bool { !life.isDead }
    var address: String { "http://\(name):7071" }

    /// Begins the next life.
    ///
    /// - Parameter disk: what it finds on its disk.
    func start(_ disk: Disk) {
        guard !isUp, mayStart else { return }
        lives += 1
        let life = Life("\(name)", number: lives)
        self.life = life
        let former = directory
        directory = "\(fleet.directory)/\(name)-\(lives)"
        // A new folder per life: what the dead one still has open must not be shared with the living, as it would not be
        // between processes.
        fleet.makeDisk(directory, from: disk == .kept ? former : nil)
        let clock = fleet.makeClock(life)
        self.clock = clock
        let random = fleet.makeRandom()
        let store = fleet.storeConnection(life)
        let logger = fleet.logger("\(name)")
        var generator = random
        let session = NewSession(
            id: .random(using: &generator), node: name, role: .node, address: address, engines: fleet.engines.kinds,
            timing: LeaseTiming(ttl: fleet.settings.ttl))
        self.session = session.id
        fleet.sessionOpened(session)
        let scheduler = fleet.scheduler
        let enqueue: @Sendable (@escaping @Sendable () -> Void) -> Void = { work in scheduler.enqueue(work) }
        let machine = SimulatedMachine(fleet, node: life, clock: clock, directory: directory)
        self.machine = machine
        let hints: @Sendable () -> AsyncStream<StoreHint> = { [fleet] in fleet.hints(for: life) }
        let worker = WorkerNode(
            session: session, leases: store, catalogue: store, segments: store, objects: fleet.bucketConnection(life, clock, random),
            engines: fleet.engines,
            host: { [fleet] gate in
                ProcessHosts(
                    on: machine, configuration: fleet.hostConfiguration, settings: fleet.hostSettings,
                    gate: { clock.instant() + (gate.openUntil - clock.now()) }, blocking: BlockingWork(enqueue: enqueue), clock: clock, logger: logger)
            },
            directory: directory, settings: fleet.workerSettings, hints: hints,
            machine: Machine(
                clock: clock, random: random, blockingWork: BlockingWork(enqueue: enqueue),
                enginePool: { _ in EnginePool(turns: enqueue) }),
            logger: logger)
        let routes = RouteTable(source: store, clock: clock)
        self.worker = worker
        dispatch = LeaderDispatch(
            node: name, local: worker, routes: routes, forwarder: PeerLink(caller: life, fleet: fleet),
            waitingRoom: WaitingRoom(limits: fleet.gatewayLimits), limits: fleet.gatewayLimits, clock: clock,
            forwards: ForwardCounters())
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    .init(
                        service: worker, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .gracefullyShutdownGroup)
                ], logger: logger))
        self.group = group
        fleet.note("\(name)", "life \(lives) begins, session \(session.id)")
        scheduler.start(on: life) { await routes.run(hints: hints()) }
        scheduler.start(on: life) {
            try? await group.run()
            scheduler.after(.zero, on: scheduler.harness) { self.ended(session.id, life) }
        }
    }

    enum Disk {
        case kept
        case lost
    }

    /// The worker left by itself: stopped, or its session was lost.
    private func ended(_ session: SessionID, _ life: Life) {
        guard self.life === life, !life.isDead else { return }
        fleet.note("\(name)", "the worker ended by itself")
        fleet.scheduler.kill(life)
        reap(session)
    }

    /// SIGKILL: nothing of it runs any more.
    ///
    /// - Parameter reaped: whether its supervisor lives and ends its session.
    func kill(reaped: Bool) {
        guard isUp, life.jobsOnStack == 0, let session = fleet.session(of: self) else { return }
        fleet.scheduler.kill(life)
        if reaped { reap(session) }
    }

    /// A process in which databases of it are open, while it is up.
    func anyHost() -> SimulatedHost? { isUp ? machine?.anyHost() : nil }

    /// Whether `life` is of this process, or of one of its hosts.
    func owns(_ life: Life) -> Bool { life === self.life || machine?.hosts.contains { $0.life === life } ?? false }

    private func reap(_ session: SessionID) {
        let fleet = fleet, name = name
        let supervisor = fleet.supervisor(of: name)
        fleet.scheduler.start(on: supervisor) {
            let store = fleet.storeConnection(supervisor)
            let clock = fleet.makeClock(supervisor)
            while true {
                do {
                    try await store.endOwnSession(session, node: name, reason: "worker ended")
                    return
                } catch {
                    try? await clock.sleep(for: .milliseconds(200))
                }
            }
        }
        fleet.scheduler.after(fleet.scheduler.chance.duration(in: .milliseconds(20) ... .milliseconds(400)), on: fleet.scheduler.harness) {
            self.start(.kept)
        }
    }

    /// SIGTERM.
    func stop() {
        guard isUp, let group else { return }
        fleet.scheduler.start(on: life) { await group.triggerGracefulShutdown() }
    }
}
