/// What a host may take of its machine, and how long it may not answer.
public struct HostLimits: Sendable, Hashable, Codable {
    /// Resident bytes at which its node ends a host. Default 1 GiB.
    public var memoryBytes: Int64 = 1 << 30
    /// Of them, those from which on memory is had back from it, by ``MemoryRelief``.
    public var softMemoryBytes: Int64 { memoryBytes / 4 * 3 }
    /// Of them, those SQLite may have allocated: a statement that wants more fails with `SQLITE_NOMEM`.
    public var sqliteHeapBytes: Int64 { memoryBytes / 2 }
    /// Addresses a host may map beyond what it has mapped when it begins and its memory: stacks of threads, arenas, files. Default 4 GiB: without
    /// room for its threads, a host would stand still.
    public var addressBytes: Int64 = 4 << 30
    /// Descriptors a host may have open. Default 4,096, and never more than its node may.
    public var descriptors = 4_096
    /// How much sooner than its node a host is chosen when the machine is out of memory, from 0 to 1,000. Default 500.
    public var outOfMemoryScore = 500
    /// How long work may go on after its deadline. Default 2 s.
    public var watchdogGrace: Duration = .seconds(2)
    /// How often a host looks for such work.
    public var watchdogInterval: Duration = .milliseconds(100)
    /// How long a host may say nothing when it is asked for a sign of life. Default 5 s.
    public var stallTimeout: Duration = .seconds(5)

    /// How long is waited for what was done about a host's memory to show, before more is done. Default 500 ms.
    public var reliefTime: Duration = .milliseconds(500)
    /// Requests that may end in a row without any memory coming back, until those of others are left alone: the memory is not theirs. Default 2.
    public var reliefAttempts = 2
    /// How long a host may stay above its soft limit that nothing gets memory back from; then it ends as soon as nothing is being carried out in it.
    /// Default 60 s.
    public var recycleTime: Duration = .seconds(60)

    public init() {}
}
