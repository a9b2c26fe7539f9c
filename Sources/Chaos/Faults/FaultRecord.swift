/// A fault as it really was: what was hit, and when.
public struct FaultRecord: Sendable, Hashable, Codable {
    /// Its place in the plan.
    public var number: Int
    public var kind: FaultKind
    /// Names of processes; of a link, the party that connects and the one it connects to.
    public var targets: [String]
    /// Just before it took effect.
    public var began: Moment
    /// Just after it was over: the process was back, the link open. `nil` when it lasts to the end of the run.
    public var ended: Moment?
    /// For people: process numbers, how long, how much.
    public var note: String

    public init(number: Int, kind: FaultKind, targets: [String], began: Moment, ended: Moment?, note: String = "") {
        self.number = number
        self.kind = kind
        self.targets = targets
        self.began = began
        self.ended = ended
        self.note = note
    }

    /// Whether it is a reason for a node to lose its leases without handing them over.
    public func mayDepose(_ node: String) -> Bool {
        switch kind {
        case .workerKill, .workerCrash, .supervisorKill, .machineKill, .diskLoss, .nodeStop, .workerPause, .machinePause, .clockStep,
            .diskFull, .fileFull, .fileError, .descriptorsOut, .memoryOut, .programReplaced, .unequalTTL:
            targets.first == node
        case .postgresKill, .postgresRestart, .postgresSlow: true
        case .linkCut, .linkHold, .linkHoldOneWay, .linkSlow, .linkThrottle: targets == [node, Party.postgres]
        case .hostKill, .hostPause, .hostMemory, .managerKill, .managerPause, .gatewayKill, .postgresRefusal, .bucketError, .bucketSlow, .bucketCut, .bucketThrottle,
            .bucketLostReply, .move:
            false
        }
    }

    /// Whether it ends the process of a node at once, and with it the session of that process.
    public func kills(_ node: String) -> Bool {
        switch kind {
        case .workerKill, .workerCrash, .machineKill, .diskLoss, .programReplaced, .unequalTTL: targets.first == node
        // The worker may outlive its supervisor; one that is stopped ends its session itself; one that hangs keeps it.
        case .hostKill, .hostPause, .hostMemory, .supervisorKill, .nodeStop, .workerPause, .machinePause, .clockStep, .diskFull, .fileFull, .fileError, .descriptorsOut,
            .memoryOut, .managerKill, .managerPause, .gatewayKill, .postgresKill, .postgresRestart, .postgresSlow, .postgresRefusal, .linkCut, .linkHold, .linkHoldOneWay, .linkSlow, .linkThrottle,
            .bucketError, .bucketSlow, .bucketCut, .bucketThrottle, .bucketLostReply, .move:
            false
        }
    }

    /// Whether a node may find less in its files after it than it had committed, or may not be able to tell what they are.
    public func mayHarmFiles(of node: String) -> Bool {
        switch kind {
        case .diskLoss, .diskFull, .fileFull, .fileError, .descriptorsOut, .memoryOut: targets.first == node
        case .workerKill, .workerCrash, .hostKill, .hostPause, .hostMemory, .supervisorKill, .machineKill, .nodeStop, .managerKill, .gatewayKill, .workerPause, .machinePause,
            .managerPause, .programReplaced, .unequalTTL, .postgresKill, .postgresRestart, .postgresSlow, .postgresRefusal, .bucketError,
            .bucketSlow, .bucketCut, .bucketThrottle, .bucketLostReply, .linkCut,
            .linkHold, .linkHoldOneWay, .linkSlow, .linkThrottle, .clockStep, .move:
            false
        }
    }

    /// Whether it is a reason for a node to ship later than at its interval.
    public func mayDelayShipping(of node: String) -> Bool {
        switch kind {
        case .bucketError, .bucketSlow, .bucketCut, .bucketThrottle, .bucketLostReply, .postgresKill, .postgresRestart, .postgresSlow,
            .postgresRefusal:
            true
        case .linkCut, .linkHold, .linkHoldOneWay, .linkSlow, .linkThrottle:
            targets == [node, Party.postgres] || targets == [node, Party.bucket]
        case .hostKill, .hostPause, .hostMemory, .diskFull, .fileFull, .fileError, .descriptorsOut, .memoryOut, .workerPause, .machinePause, .unequalTTL:
            targets.first == node
        case .workerKill, .workerCrash, .programReplaced, .supervisorKill, .machineKill, .diskLoss, .nodeStop, .clockStep, .managerKill, .managerPause, .gatewayKill,
            .move:
            false
        }
    }
}

/// Names of those who talk to each other, beside those of nodes, managers and gateways.
public enum Party {
    public static let postgres = "postgres"
    public static let bucket = "bucket"
    public static let clients = "clients"
}
