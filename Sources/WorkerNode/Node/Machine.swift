public import Engines
public import FleetModel
public import Leases

/// What a node has of the machine it runs on: time, chance and threads. A simulation replaces all of it.
public struct Machine: Sendable {
    public var clock: any FleetClock
    public var random: RandomSource
    public var blockingWork: BlockingWork
    /// Where the session is renewed; without one among the process's other tasks.
    public var renewalThread: RenewalThread?
    /// Makes a pool of threads.
    public var enginePool: @Sendable (EnginePool.Limits) -> EnginePool

    public init(
        clock: any FleetClock, random: RandomSource = .system, blockingWork: BlockingWork = .threads,
        renewalThread: RenewalThread? = nil,
        enginePool: @escaping @Sendable (EnginePool.Limits) -> EnginePool = { EnginePool($0) }
    ) {
        self.clock = clock
        self.random = random
        self.blockingWork = blockingWork
        self.renewalThread = renewalThread
        self.enginePool = enginePool
    }

    public static let real = Machine.real(renewalThread: nil)

    public static func real(renewalThread: RenewalThread?) -> Machine { Machine(clock: BootClock(), renewalThread: renewalThread) }
}
