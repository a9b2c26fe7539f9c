public import FleetModel

/// Told what an engine is about to do, before it does it: should the host end in the middle, this is what ended it.
public protocol ExecutionWatch: Sendable {
    /// An engine is given work for a database. Called on the thread that does it.
    ///
    /// - Parameters:
    ///   - calls: the requests it is for, by ``HostCall/id``; empty for work of the host's own. From now on they cannot be said not to have begun.
    ///   - deadline: when the work is interrupted, on the host's clock; `nil` for work that has none.
    ///   - request: whose work it is; `nil` for work that nobody asked for, which is not interrupted.
    /// - Returns: what ``ended(_:)`` is told.
    func began(_ database: DatabaseID, calls: [UInt64], deadline: BootInstant?, for request: (any RunningRequest)?) -> Int

    func ended(_ work: Int)
}

/// A request that is being carried out.
public protocol RunningRequest: AnyObject, Sendable {
    /// Ends it ahead of its time, because its host takes too much memory: what runs is interrupted, nothing more of it is begun, and its client is told why.
    func giveWay()
    /// Nothing more of it is begun.
    var isStopped: Bool { get }
}

/// For a host in this process: what ends it ends whoever would read this.
public struct NoExecutionWatch: ExecutionWatch {
    public init() {}

    public func began(_ database: DatabaseID, calls: [UInt64], deadline: BootInstant?, for request: (any RunningRequest)?) -> Int { 0 }
    public func ended(_ work: Int) {}
}
