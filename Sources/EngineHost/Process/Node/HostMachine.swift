package import FleetModel

/// What the hosts of a node run on: children of its process (``ChildProcesses``), or what a simulation has instead of them. Where they are, what is opened
/// in which, and what is done about them is decided above it, the same for both.
package protocol HostMachine: AnyObject, Sendable {
    /// In which the databases are.
    var directory: String { get }

    /// Makes what a host is to run in.
    ///
    /// - Parameter board: shared with the host.
    /// - Throws: code `internal_error`.
    func makeBody(_ number: Int, _ configuration: HostConfiguration, _ board: ExecutionBoard) throws(BerthError) -> any HostBody

    /// Calls `look` every `interval`, until it answers `false` or ``stopWatching()`` is called.
    func watch(every interval: Duration, _ look: @escaping @Sendable () -> Bool)
    func stopWatching()

    /// Looks whether it has had no memory left; asked for at each look.
    func lookForMemory()
    /// Whether it has lately ended processes for want of memory.
    var ranOutOfMemory: Bool { get }
}

/// What one host runs in, and how it is reached.
package protocol HostBody: FrameSending {
    /// While it runs.
    var pid: Int32? { get }
    /// Bytes of memory that it takes; `nil` when that is not known.
    var residentBytes: Int64? { get }

    /// Begins.
    ///
    /// - Parameters:
    ///   - receiver: is given what comes from the host. When it throws, the host ends.
    ///   - ended: is told once, when nothing of it runs any more.
    func start(_ receiver: @escaping FrameReceiver, ended: @escaping @Sendable (HostEnd) -> Void)

    /// Ends it at once.
    ///
    /// - Returns: whether it was there to be ended.
    func kill() -> Bool
}

/// How what a host ran in ended.
package enum HostEnd: Sendable, Hashable {
    case notStarted(String)
    /// It sent something that no host sends.
    case misspoke(String)
    /// As `waitpid` reports it.
    case status(Int32)
}
