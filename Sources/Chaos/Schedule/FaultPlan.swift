/// What is broken when. The same seed and settings give the same plan.
public struct FaultPlan: Sendable, Hashable {
    public struct Settings: Sendable, Hashable {
        public var seed: UInt64
        /// No fault is in effect after this time.
        public var length: Duration
        public var kinds: [FaultKind]
        public var leaseTTL: Duration
        /// Between the beginnings of two faults, on average.
        public var meanGap: Duration
        /// Faults in effect at the same time, at most.
        public var atOnce = 3

        public init(seed: UInt64, length: Duration, kinds: [FaultKind], leaseTTL: Duration, meanGap: Duration) {
            self.seed = seed
            self.length = length
            self.kinds = kinds
            self.leaseTTL = leaseTTL
            self.meanGap = meanGap
        }
    }

    public var faults: [PlannedFault] = []

    /// A kill counts as in effect for this long: the time until the process is back, about.
    private static let returning: Duration = .milliseconds(1500)

    public init(_ settings: Settings, for topology: Topology) {
        let kinds = settings.kinds.filter { Self.isPossible($0, in: topology) }
        guard !kinds.isEmpty else { return }
        var random = SplitMix(seed: settings.seed)
        var bag: [FaultKind] = []
        /// Until when a process, store or link is under a fault.
        var busy: [String: Moment] = [:]
        let end = Moment(settings.length)
        var now = Moment(settings.meanGap)
        while true {
            // Out of a bag, so that a short run has every kind before it has one twice.
            if bag.isEmpty { bag = kinds.shuffled(using: &random) }
            let kind = bag.removeLast()
            let targets = Self.targets(of: kind, in: topology, not: busy.filter { $0.value > now }.keys, &random)
            let strength = Double.random(in: 0...1, using: &random)
            let lasting = Self.lasting(kind, strength, settings, &random)
            let gap = random.duration(in: settings.meanGap / 2 ... settings.meanGap * 3 / 2)
            // What it hits must be free, and others must have ended.
            var fault = PlannedFault(
                number: faults.count, kind: kind, targets: targets, at: now, lasting: Moment(lasting), strength: strength)
            let resources = fault.exclusiveTargets
            var at = resources.compactMap { busy[$0] }.reduce(now, max)
            while busy.values.filter({ $0 > at }).count >= settings.atOnce {
                at = busy.values.filter { $0 > at }.min() ?? at
            }
            let over = at + (lasting == .zero ? Self.returning : lasting)
            guard over <= end else { break }
            fault.at = at
            faults.append(fault)
            for resource in resources { busy[resource] = over }
            now = max(now, at) + gap
        }
    }

    private static func isPossible(_ kind: FaultKind, in topology: Topology) -> Bool {
        switch kind {
        case .managerKill, .managerPause: !topology.managers.isEmpty
        case .gatewayKill: !topology.gateways.isEmpty
        default: !topology.nodes.isEmpty
        }
    }

    private static func targets(
        of kind: FaultKind, in topology: Topology, not busy: some Collection<String>, _ random: inout SplitMix
    ) -> [String] {
        func choose<T>(_ all: [T], _ name: (T) -> String) -> T? {
            let free = all.filter { !busy.contains(name($0)) }
            return (free.isEmpty ? all : free).randomElement(using: &random)
        }
        switch kind {
        case .workerKill, .workerCrash, .hostKill, .hostPause, .hostMemory, .supervisorKill, .machineKill, .diskLoss, .nodeStop, .workerPause, .machinePause, .diskFull,
            .fileFull, .fileError, .descriptorsOut, .memoryOut, .clockStep, .programReplaced, .unequalTTL:
            return choose(topology.nodes) { $0 }.map { [$0] } ?? []
        case .managerKill, .managerPause: return choose(topology.managers) { $0 }.map { [$0] } ?? []
        case .gatewayKill: return choose(topology.gateways) { $0 }.map { [$0] } ?? []
        case .postgresKill, .postgresRestart, .postgresSlow, .postgresRefusal: return [Party.postgres]
        case .bucketError, .bucketSlow, .bucketCut, .bucketThrottle, .bucketLostReply: return [Party.bucket]
        case .linkCut, .linkHold, .linkHoldOneWay, .linkSlow, .linkThrottle:
            // One of every four is a node's way to Postgres: on that rests who leads.
            let vital = topology.nodes.map { [$0, Party.postgres] }
            let links = Int.random(in: 0..<4, using: &random) == 0 ? vital : topology.links
            return choose(links) { $0.joined(separator: ">") } ?? []
        case .move: return topology.nodes.randomElement(using: &random).map { [$0] } ?? []
        }
    }

    private static func lasting(
        _ kind: FaultKind, _ strength: Double, _ settings: Settings, _ random: inout SplitMix
    ) -> Duration {
        let ttl = settings.leaseTTL
        return switch kind {
        case .workerKill, .workerCrash, .hostKill, .supervisorKill, .machineKill, .diskLoss, .nodeStop, .managerKill, .gatewayKill,
            .programReplaced, .postgresRestart, .clockStep, .move:
            .zero
        // Always past the TTL, with the time an observer needs to notice.
        case .workerPause, .machinePause, .managerPause: random.duration(in: ttl * 13 / 10 ... ttl * 2)
        // A session that begins meanwhile has most of this for its TTL.
        case .unequalTTL: random.duration(in: ttl * 2 ... ttl * 3)
        // Down for less or more than a TTL.
        case .postgresKill: random.duration(in: .milliseconds(50) ... ttl * 3 / 2)
        case .postgresSlow, .postgresRefusal, .bucketError, .bucketSlow, .bucketCut, .bucketThrottle, .bucketLostReply, .diskFull, .fileFull, .fileError,
            .descriptorsOut, .memoryOut:
            random.duration(in: .milliseconds(500) ... ttl * 3 / 2)
        // A host is given as long as a session to give a sign of life.
        case .hostPause, .hostMemory, .linkCut, .linkHold, .linkHoldOneWay, .linkSlow, .linkThrottle: random.duration(in: ttl / 4 ... ttl * 2)
        }
    }
}
