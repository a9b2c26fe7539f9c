public import Engines
import FleetModel

/// What is simulated, and how long.
public struct SimulationSettings: Sendable {
    public var nodes = 3
    public var managers = 2
    public var databases = 4
    public var clients = 4
    /// Of the nodes, and of the databases in turn.
    public var engines = EngineSet([SQLiteEngine(options: SimulationSettings.sqlite)])
    /// Of the databases, in turn.
    public var durabilities = ["bucket", "local"]
    /// Of the sessions of nodes.
    public var ttl: Duration = .seconds(2)
    /// Of the sessions of managers, which watch those of the nodes; `nil` for the same.
    public var managerTTLOfItsOwn: Duration?
    var managerTTL: Duration { managerTTLOfItsOwn ?? ttl }
    /// How long faults happen.
    public var faultTime: Duration = .seconds(20)
    /// Between the end of one fault and the beginning of the next, at most.
    public var faultPause: Duration = .milliseconds(1500)
    public var faults = SimulatedFault.allCases
    /// Of a million clock readings, so many are followed by a standstill.
    public var standstillsPerMillion: UInt64 = 60

    /// How much faster or slower than time a process's clock may run; the margin of a lease covers less than 0.1.
    public var clockDrift = 0.01

    /// A rule that is broken on purpose in the middle of the faults: the checker must see it.
    public var breach: Breach?

    public init() {}

    /// Small files, as a schedule makes them.
    public static let sqlite: SQLiteOptions = {
        var options = SQLiteOptions()
        options.maximumBytes = 64 << 20
        return options
    }()
}

/// What a simulation breaks.
public enum SimulatedFault: String, Sendable, CaseIterable {
    case workerKill = "worker-kill"
    /// A process that has databases of a node open; the node lives on.
    case hostKill = "host-kill"
    /// It does not answer for a while, perhaps for longer than it may.
    case hostStall = "host-stall"
    /// It takes more memory than it should, and nothing in it is why.
    case hostBloat = "host-bloat"
    /// A statement takes its time, perhaps more than it has.
    case statementSlow = "statement-slow"
    /// A statement goes on after its time, whatever interrupts it.
    case statementDeaf = "statement-deaf"
    /// A statement takes more and more memory.
    case statementHungry = "statement-hungry"
    case machineKill = "machine-kill"
    case diskLoss = "disk-loss"
    case nodeStop = "node-stop"
    case managerKill = "manager-kill"
    case workerPause = "worker-pause"
    case managerPause = "manager-pause"
    /// Connections to the store are reset for a while.
    case storeRestart = "store-restart"
    case storeSlow = "store-slow"
    /// The store's clock jumps, up to an hour back or forth.
    case storeClockStep = "store-clock-step"
    /// The store takes no row of one database's changesets.
    case rowRefusal = "row-refusal"
    case bucketError = "bucket-error"
    case bucketSlow = "bucket-slow"
    /// Some uploads take long, others do not.
    case bucketUploadSlow = "bucket-upload-slow"
    case bucketCut = "bucket-cut"
    case bucketLostReply = "bucket-lost-reply"
    case linkCut = "link-cut"
    case linkHold = "link-hold"
    case linkHoldOneWay = "link-hold-one-way"
    case move
    case failover
    case drain
}
