import Changesets
package import Engines
package import FleetModel
package import Logging

/// What a host consists of, whatever it runs in: databases that are open on threads, what is written on the board of them, and who carries out what its
/// node asks.
package final class HostCore: Sendable {
    let host: ThreadHost
    let watch: BoardWatch
    private let server: HostServer
    private let channel: any FrameSending

    /// - Parameters:
    ///   - channel: to the node.
    ///   - around: what is between engines and the board.
    package init(
        _ configuration: HostConfiguration, engines: EngineSet, board: ExecutionBoard, channel: any FrameSending, pool: EnginePool,
        blocking: BlockingWork, clock: any FleetClock, around: (any ExecutionWatch) -> any ExecutionWatch = { $0 }, logger: Logger
    ) {
        let watch = BoardWatch(board, clock: clock)
        host = ThreadHost(
            engines: engines, pool: pool, blockingWork: blocking, settings: configuration.settings, clock: clock,
            gate: { board.gateIsOpen(at: clock.instant()) }, descriptors: configuration.databaseDescriptors, spool: SpoolFolder(configuration.spool),
            watch: around(watch), logger: logger)
        self.watch = watch
        self.channel = channel
        server = HostServer(
            host: host, channel: channel, spool: Spool(configuration.spool, isHost: true), blocking: blocking, clock: clock,
            relieve: { work in
                if let work { watch.giveWay(work) } else { FreedMemory.giveBack() }
            })
    }

    /// Watches what can expire, until cancelled.
    package func run() async { await host.run() }

    /// Tells the node that it can be asked from now on.
    ///
    /// - Parameter missing: limits that are not in force.
    package func begin(missing: [String] = []) { channel.send(.ready(missing: missing)) }

    /// Begins with a request of the node. Does not block.
    package func receive(_ kind: UInt8, _ number: UInt64, _ fields: inout FrameReader) throws(FrameError) {
        try server.handle(try HostRequest(kind, &fields), number)
    }

    /// As ``BoardWatch/look(_:)``.
    package func look(_ overdue: inout OverdueWorks) -> Bool { watch.look(&overdue) }

    /// Databases that are open.
    package var openDatabases: Int { host.openDatabases }

    /// Leaves the files of everything that is open as they are, as the end of a process does, and returns once nothing is open or being opened.
    ///
    /// For simulations: a process has no need of it.
    package func closeAll() async -> Bool { await host.closeAll(because: "its host ended") }
}
