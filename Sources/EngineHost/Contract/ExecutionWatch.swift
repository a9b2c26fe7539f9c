public import FleetModel

/// Told what an engine is about to do, before it does it: should the host end in the middle, this is what ended it.
public protocol ExecutionWatch: Sendable {
    /// An engine is given work for a database. Called on the thread that does it.
    ///
    /// - Parameters:
    ///   - calls: the requests it is for, by ``HostCall/id``; empty for work of the host's own. From now on they cannot be said not to have begun.
    ///   - deadline: when the work is interrupted; `nil` for work that has none.
    /// - Returns: what ``ended(_:)`` is told.
    func began(_ database: DatabaseID, calls: [UInt64], deadline: BootInstant?) -> Int

    func ended(_ work: Int)
}

/// For a host in this process: what ends it ends whoever would read this.
public struct NoExecutionWatch: ExecutionWatch {
    public init() {}

    public func began(_ database: DatabaseID, calls: [UInt64], deadline: BootInstant?) -> Int { 0 }
    public func ended(_ work: Int) {}
}
