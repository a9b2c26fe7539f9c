/// What can be broken on purpose. The raw value is its name on the command line and in reports.
public enum FaultKind: String, Sendable, Hashable, Codable, CaseIterable {
    /// The process that holds databases is killed; its supervisor lives on.
    case workerKill = "worker-kill"
    /// The same process crashes: it is ended by the signal of a bad memory access, of a failed assertion or of a bad instruction.
    case workerCrash = "worker-crash"
    /// A process in which databases are open is killed; the worker that leads them lives on.
    case hostKill = "host-kill"
    /// Such a process stands still, for a moment or until its node has waited long enough and ends it.
    case hostPause = "host-pause"
    /// Statements of clients want all the memory such a process may have, and more.
    case hostMemory = "host-memory"
    /// The supervisor is killed; its worker notices and stops in order.
    case supervisorKill = "supervisor-kill"
    /// Supervisor and worker are killed together, as the loss of a machine; it comes back with its disk.
    case machineKill = "machine-kill"
    /// The same, and it comes back with an empty disk.
    case diskLoss = "disk-loss"
    /// Another copy of the program is renamed over the one that runs, then the worker is killed.
    case programReplaced = "program-replaced"
    /// The node is asked to stop, and comes back.
    case nodeStop = "node-stop"
    case managerKill = "manager-kill"
    case gatewayKill = "gateway-kill"
    /// The worker stands still for longer than the TTL, then goes on.
    case workerPause = "worker-pause"
    /// Supervisor and worker stand still for longer than the TTL, as a suspended machine.
    case machinePause = "machine-pause"
    case managerPause = "manager-pause"
    /// The fleet's TTL is raised, a worker is killed and comes back with it, and stands still for longer than that; then the TTL is as before.
    case unequalTTL = "unequal-ttl"
    case postgresKill = "postgres-kill"
    case postgresRestart = "postgres-restart"
    /// Every byte to and from Postgres is late.
    case postgresSlow = "postgres-slow"
    /// Postgres refuses to change the rows of one database.
    case postgresRefusal = "postgres-refusal"
    /// The object store answers with 500 and 503.
    case bucketError = "bucket-error"
    case bucketSlow = "bucket-slow"
    /// The object store ends connections in the middle of bodies.
    case bucketCut = "bucket-cut"
    /// The object store takes and gives bytes slowly, for all together.
    case bucketThrottle = "bucket-throttle"
    /// The object store does what it is asked, and the answer is lost.
    case bucketLostReply = "bucket-lost-reply"
    /// Connections between two parties are reset, and new ones refused.
    case linkCut = "link-cut"
    /// Bytes between two parties are held back, and arrive when it is over.
    case linkHold = "link-hold"
    /// The same for one direction only.
    case linkHoldOneWay = "link-hold-one-way"
    case linkSlow = "link-slow"
    case linkThrottle = "link-throttle"
    case diskFull = "disk-full"
    /// One kind of a node's files finds no room, while the others do.
    case fileFull = "file-full"
    /// One kind of a node's files cannot be read, written or made to last.
    case fileError = "file-error"
    /// A node opens no file of a database, for want of descriptors.
    case descriptorsOut = "descriptors-out"
    /// A node has no memory to map files of databases, or to read them.
    case memoryOut = "memory-out"
    /// A node goes away and comes back with its monotonic clocks stepped.
    case clockStep = "clock-step"
    /// An operator asks for a database to be moved.
    case move
}

extension FaultKind {
    /// Names for several kinds at once.
    public static let groups: [String: [FaultKind]] = [
        "all": allCases,
        "kills": [.workerKill, .workerCrash, .programReplaced, .supervisorKill, .machineKill, .managerKill, .gatewayKill],
        "hosts": [.hostKill, .hostPause, .hostMemory],
        "pauses": [.workerPause, .machinePause, .managerPause, .unequalTTL],
        "postgres": [.postgresKill, .postgresRestart, .postgresSlow, .postgresRefusal],
        "bucket": [.bucketError, .bucketSlow, .bucketCut, .bucketThrottle, .bucketLostReply],
        "links": [.linkCut, .linkHold, .linkHoldOneWay, .linkSlow, .linkThrottle],
        "disks": [.diskFull, .diskLoss],
        "files": [.fileFull, .fileError, .descriptorsOut, .memoryOut],
    ]

    /// Reads a list such as `worker-kill,links`.
    ///
    /// - Returns: in the order of declaration, each once; `nil` and the word that names nothing when there is one.
    public static func list(_ text: String) -> Result<[FaultKind], UnknownFault> {
        var chosen: Set<FaultKind> = []
        for word in text.split(separator: ",").map(String.init) {
            if let group = groups[word] {
                chosen.formUnion(group)
            } else if let kind = FaultKind(rawValue: word) {
                chosen.insert(kind)
            } else {
                return .failure(UnknownFault(name: word))
            }
        }
        return .success(allCases.filter(chosen.contains))
    }

    /// How reports add kinds up.
    public var tally: Tally {
        switch self {
        case .workerKill, .workerCrash, .hostKill, .supervisorKill, .machineKill, .diskLoss, .programReplaced, .managerKill, .gatewayKill, .postgresKill:
            .kills
        case .workerPause, .machinePause, .managerPause, .unequalTTL: .pauses
        case .hostPause, .hostMemory: .hostFaults
        case .linkCut, .linkHold, .linkHoldOneWay: .cuts
        case .postgresRestart, .nodeStop, .clockStep: .restarts
        case .postgresSlow, .bucketSlow, .bucketThrottle, .linkSlow, .linkThrottle: .delays
        case .bucketError, .bucketCut, .bucketLostReply, .postgresRefusal: .storeFaults
        case .diskFull: .fullDisks
        case .fileFull, .fileError, .descriptorsOut, .memoryOut: .fileFaults
        case .move: .moves
        }
    }

    public enum Tally: String, Sendable, Codable, CaseIterable {
        case kills, pauses, cuts, restarts, delays, storeFaults, fullDisks, fileFaults, hostFaults, moves
    }
}

/// A word of `--faults` that is no fault.
public struct UnknownFault: Error, Hashable, CustomStringConvertible {
    public let name: String

    public init(name: String) { self.name = name }

    public var description: String {
        "“\(name)” is no fault. There are: " + FaultKind.allCases.map(\.rawValue).joined(separator: ", ")
            + "; and groups: " + FaultKind.groups.keys.sorted().joined(separator: ", ") + "."
    }
}
