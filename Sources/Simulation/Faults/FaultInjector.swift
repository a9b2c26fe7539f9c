import Chaos
import EngineHost
import FleetModel
import FleetStore

/// Breaks one thing after the other, sometimes two at once, as the seed says.
final class FaultInjector: @unchecked Sendable {
    // `@unchecked Sendable`: confined to the one thread the simulation runs on.

    private let fleet: SimulatedFleet
    private let until: Duration
    private(set) var records: [FaultRecord] = []
    /// Faults that are in effect, by their place in `records`.
    private var open: [Int: () -> Void] = [:]
    /// By kind, for reports.
    private(set) var counts: [SimulatedFault: Int] = [:]

    init(_ fleet: SimulatedFleet) {
        self.fleet = fleet
        until = fleet.scheduler.now + fleet.settings.faultTime
        fleet.scheduler.onStandstill = { [unowned self] in standsStill($0, for: $1) }
    }

    private var scheduler: Scheduler { fleet.scheduler }

    func start() { next() }

    private func next() {
        let pause = scheduler.chance.duration(in: .milliseconds(10) ... fleet.settings.faultPause)
        scheduler.after(pause, on: scheduler.harness) { [self] in
            guard scheduler.now < until, let fault = fleet.settings.faults.randomElement(using: &scheduler.chance) else { return }
            inject(fault)
            next()
        }
    }

    /// Ends everything that is still in effect.
    func heal() {
        for (_, end) in open.sorted(by: { $0.key < $1.key }) { end() }
        open = [:]
        fleet.network.heal()
        fleet.bucket.trouble = BucketTrouble()
        fleet.store.refusedRows = []
    }

    private func inject(_ fault: SimulatedFault) {
        guard let node = fleet.nodes.randomElement(using: &scheduler.chance),
            let manager = fleet.managers.randomElement(using: &scheduler.chance)
        else { return }
        let ttl = fleet.settings.ttl
        let short = scheduler.chance.duration(in: .milliseconds(50) ... ttl * 2)
        counts[fault, default: 0] += 1
        switch fault {
        case .workerKill:
            momentary(.workerKill, ["\(node.name)"]) { node.kill(reaped: true) }
        case .hostKill: momentary(.hostKill, ["\(node.name)"]) { node.anyHost()?.die(.status(9)) }
        case .hostStall:
            guard let host = node.anyHost() else { return }
            let still = scheduler.chance.duration(in: .milliseconds(100) ... fleet.hostConfiguration.limits.stallTimeout * 2)
            lasting(.hostKill, ["\(node.name)"], "\(host.life.name) stands still", for: still) {
                host.life.standsStillUntil = max(host.life.standsStillUntil, scheduler.now + still)
            } end: {
            }
        case .hostBloat:
            guard let host = node.anyHost() else { return }
            let limits = fleet.hostConfiguration.limits
            lasting(.hostKill, ["\(node.name)"], "\(host.life.name) takes memory", for: short * 2) {
                host.bloat = limits.softMemoryBytes
            } end: {
                host.bloat = 0
            }
        case .statementSlow: misbehave(node, .slow(scheduler.chance.duration(in: .milliseconds(5) ... fleet.hostConfiguration.settings.statementTimeout * 2)))
        case .statementDeaf: misbehave(node, .deaf(scheduler.chance.duration(in: .milliseconds(500) ... fleet.hostConfiguration.settings.statementTimeout * 3)), again: true)
        case .statementHungry:
            let limit = fleet.hostConfiguration.limits.memoryBytes
            misbehave(node, .hungry(Int64.random(in: limit / 4...limit * 4, using: &scheduler.chance), isDeaf: Bool.random(using: &scheduler.chance)))
        case .machineKill, .diskLoss:
            let away = scheduler.chance.duration(in: .milliseconds(100) ... ttl * 3)
            lasting(fault == .machineKill ? .machineKill : .diskLoss, ["\(node.name)"], for: away) {
                node.mayStart = false
                node.kill(reaped: false)
            } end: {
                node.mayStart = true
                node.start(fault == .machineKill ? .kept : .lost)
            }
        case .nodeStop: momentary(.nodeStop, ["\(node.name)"]) { node.stop() }
        case .managerKill:
            lasting(.managerKill, ["\(manager.name)"], for: short) { manager.kill() } end: { manager.start() }
        case .workerPause: pause(.workerPause, node.life)
        case .managerPause: pause(.managerPause, manager.life)
        case .storeRestart:
            let parties = self.parties
            lasting(.postgresRestart, [Party.postgres], for: short) { [fleet] in
                for party in parties { fleet.network.set(.cut, between: party, and: Party.postgres) }
            } end: { [fleet] in
                for party in parties { fleet.network.set(nil, between: party, and: Party.postgres) }
            }
        case .storeSlow:
            let parties = self.parties, delay = scheduler.chance.duration(in: .milliseconds(5) ... ttl / 3)
            lasting(.postgresSlow, [Party.postgres], for: short) { [fleet] in
                for party in parties { fleet.network.set(.slow(delay), between: party, and: Party.postgres) }
            } end: { [fleet] in
                for party in parties { fleet.network.set(nil, between: party, and: Party.postgres) }
            }
        case .storeClockStep:
            let seconds = Int64.random(in: -3_600...3_600, using: &scheduler.chance)
            fleet.store.clockOffset = .seconds(seconds)
            fleet.note("fault", "the store's clock is \(seconds) s off")
        case .rowRefusal: refuseRows(for: short)
        case .bucketError: bucket(.bucketError, short) { $0.errors = $1 ? 60 : 0 }
        case .bucketSlow: bucket(.bucketSlow, short) { $0.delay = $1 ? .milliseconds(400) : .zero }
        case .bucketUploadSlow: bucket(.bucketThrottle, short) { $0.slowUploads = $1 ? 40 : 0 }
        case .bucketCut: bucket(.bucketCut, short) { $0.cutBodies = $1 ? 50 : 0 }
        case .bucketLostReply: bucket(.bucketLostReply, short) { $0.lostReplies = $1 ? 50 : 0 }
        case .linkCut: link(.linkCut, node, .cut, bothWays: true)
        case .linkHold: link(.linkHold, node, .held, bothWays: true)
        case .linkHoldOneWay: link(.linkHoldOneWay, node, .held, bothWays: false)
        case .move: ask(.move, node)
        case .failover: ask(.failover, node)
        case .drain: ask(.drain, node)
        }
    }

    private var parties: [String] {
        fleet.nodes.map { "\($0.name)" } + fleet.managers.map { "\($0.name)" }
    }

    // MARK: Kinds of faults

    /// Whoever stands still in the middle of what it does is paused, as by a signal.
    private func standsStill(_ life: Life, for duration: Duration) {
        fleet.note(life.name, "stands still for \(duration.milliseconds) ms in the middle of what it does")
        let node = fleet.nodes.first { $0.owns(life) }
        let kind: FaultKind = node == nil ? .managerPause : node?.life === life ? .workerPause : .hostKill
        records.append(
            FaultRecord(
                number: records.count, kind: kind, targets: [node.map { "\($0.name)" } ?? life.name], began: fleet.now, ended: Moment(scheduler.now + duration)))
    }

    private func momentary(_ kind: FaultKind, _ targets: [String], _ hit: () -> Void) {
        fleet.note("fault", "\(kind.rawValue) of \(targets.joined(separator: ", "))")
        let began = fleet.now
        hit()
        records.append(FaultRecord(number: records.count, kind: kind, targets: targets, began: began, ended: fleet.now))
    }

    private func lasting(
        _ kind: FaultKind, _ targets: [String], _ what: String? = nil, for duration: Duration, begin: () -> Void, end: @escaping () -> Void
    ) {
        let what = what ?? "\(kind.rawValue) of \(targets.joined(separator: ", "))"
        fleet.note("fault", "\(what) for \(duration.milliseconds) ms")
        let number = records.count
        let began = fleet.now
        begin()
        records.append(FaultRecord(number: number, kind: kind, targets: targets, began: began, ended: nil))
        open[number] = { [self] in
            end()
            records[number].ended = fleet.now
            fleet.note("fault", "\(what) is over")
        }
        scheduler.after(duration, on: scheduler.harness) { [self] in open.removeValue(forKey: number)?() }
    }

    private func pause(_ kind: FaultKind, _ life: Life) {
        let duration = scheduler.chance.duration(in: fleet.settings.ttl / 2 ... fleet.settings.ttl * 3)
        lasting(kind, [life.name], for: duration) {
            life.standsStillUntil = max(life.standsStillUntil, scheduler.now + duration)
        } end: {
        }
    }

    /// The next statement that a client has carried out by `node` is like that. How long it takes is known only then.
    ///
    /// - Parameter again: perhaps the next ones to the same database are like that as well.
    private func misbehave(_ node: NodeProcess, _ kind: SimulatedMachine.Hardship.Kind, again: Bool = false) {
        guard let machine = node.machine, node.isUp else { return }
        let times = again && Bool.random(using: &scheduler.chance) ? 5 : 1
        lasting(.hostKill, ["\(node.name)"], "\(times) statements of \(node.name) are to be \(kind)", for: .seconds(8)) {
            machine.hardship = SimulatedMachine.Hardship(kind: kind, times: times)
        } end: {
            machine.hardship = nil
        }
    }

    private func bucket(_ kind: FaultKind, _ duration: Duration, _ set: @escaping (inout BucketTrouble, Bool) -> Void) {
        lasting(kind, [Party.bucket], for: duration) {
            set(&fleet.bucket.trouble, true)
        } end: { [fleet] in
            set(&fleet.bucket.trouble, false)
        }
    }

    private func refuseRows(for duration: Duration) {
        guard let database = fleet.databases.randomElement(using: &scheduler.chance), let id = fleet.databaseID(database.name),
            !fleet.store.refusedRows.contains(id)
        else { return }
        fleet.note("fault", "no changeset of \(database.name) is taken")
        lasting(.postgresRefusal, [Party.postgres], for: duration) {
            fleet.store.refusedRows.insert(id)
        } end: { [fleet] in
            fleet.store.refusedRows.remove(id)
        }
    }

    private func link(_ kind: FaultKind, _ node: NodeProcess, _ trouble: Network.Trouble, bothWays: Bool) {
        let others = [Party.postgres, Party.bucket] + fleet.nodes.filter { $0 !== node }.map { "\($0.name)" }
        let one = "\(node.name)", other = others.randomElement(using: &scheduler.chance) ?? Party.postgres
        let there = Network.Direction(from: one, to: other), back = Network.Direction(from: other, to: one)
        let directions = bothWays ? [there, back] : [Bool.random(using: &scheduler.chance) ? there : back]
        let duration = scheduler.chance.duration(in: .milliseconds(100) ... fleet.settings.ttl * 2)
        lasting(kind, [one, other], for: duration) {
            for direction in directions { fleet.network.set(trouble, direction) }
        } end: { [fleet] in
            for direction in directions { fleet.network.set(nil, direction) }
        }
    }

    /// What an operator asks the managers for.
    private func ask(_ kind: OperationKind, _ node: NodeProcess) {
        guard let database = fleet.databases.randomElement(using: &scheduler.chance), let id = fleet.databaseID(database.name)
        else { return }
        let operation = OperationID.random(using: &scheduler.chance)
        fleet.note("operator", "\(kind.rawValue) of \(kind == .drain ? "\(node.name)" : "\(database.name) to \(node.name)")")
        let store = fleet.store
        let asked = store.createOperation(
            kind, id: operation, database: kind == .drain ? nil : id, node: kind == .failover ? nil : node.name)
        if asked && kind == .drain {
            scheduler.after(scheduler.chance.duration(in: .milliseconds(500) ... .seconds(4)), on: scheduler.harness) { [fleet] in
                store.operations[operation]?.cancelRequested = true
                store.nodes[node.name]?.state = .active
                fleet.note("operator", "uncordons \(node.name)")
            }
        }
    }
}
