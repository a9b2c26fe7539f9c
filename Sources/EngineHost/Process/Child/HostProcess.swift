import Changesets
import CLinux
import Engines
import FleetModel
import Foundation
import Glibc
public import Logging
import Metrics
import Synchronization

/// The life of a host: what `berth engine-host` runs.
public enum HostProcess {
    /// Serves the node that started this process, and ends with it. Called by the only thread there is: some limits are a thread's and those it starts.
    ///
    /// - Parameters:
    ///   - node: the process that started this one.
    ///   - makeLogger: what logs are written with, once it is known how.
    public static func run(node: Int32, logger makeLogger: (HostConfiguration) -> Logger) -> Never {
        _ = berth_prctl(PR_SET_PDEATHSIG, UInt(SIGKILL), 0, 0, 0)
        // The node may have ended before the kernel was asked to tell of it.
        guard getppid() == node, let board = ExecutionBoard(inherited: HostProgram.board) else { _exit(HostExit.orphaned) }
        let channel = FrameChannel(HostProgram.socket)
        var core: HostCore?
        do throws(FrameError) {
            try channel.receive { kind, number, reader throws(FrameError) in
                if let core { return try core.receive(kind, number, &reader) }
                guard case .configure(let json) = try HostRequest(kind, &reader),
                    let configuration = try? JSONDecoder().decode(HostConfiguration.self, from: Data(json))
                else { throw FrameError("the first frame is no configuration") }
                core = begin(configuration, board, channel, makeLogger(configuration))
            }
        } catch {
            FileHandle.standardError.write(Data("engine host: \(error)\n".utf8))
            _exit(HostExit.misunderstood)
        }
        _exit(0)
    }

    private static func begin(
        _ configuration: HostConfiguration, _ board: ExecutionBoard, _ channel: FrameChannel, _ logger: Logger
    ) -> HostCore {
        // Before the limits: afterwards no library can be looked for.
        let engines = engines(configuration)
        let missing = ResourceLimits.apply(configuration.limits, folders: [configuration.directory, configuration.spool])
        CrashNote.install(board)
        let clock = BootClock()
        let counters = HostCounters()
        MetricsSystem.bootstrap(counters)
        let core = HostCore(
            configuration, engines: engines, board: board, channel: channel, pool: EnginePool(configuration.threads), blocking: .threads, clock: clock,
            logger: logger)
        Task { await core.run() }
        let limits = configuration.limits
        Thread.start(named: "host-watchdog") {
            var memory = FreedMemory()
            core.watch.run(OverdueWorks(limits), every: limits.watchdogInterval, code: HostExit.watchdog) {
                board.setDescriptors(core.host.descriptors.taken)
                counters.takeAll { channel.send(.counted($0, $1)) }
                if memory.isWorthGivingBack(open: core.host.openDatabases, at: clock.now()) { FreedMemory.giveBack() }
            }
        }
        core.begin(missing: missing)
        return core
    }

    private static func engines(_ configuration: HostConfiguration) -> EngineSet {
        let disk = DiskRoom(of: configuration.directory, configuration.settings.disk)
        switch configuration.engine {
        case .sqlite:
            SQLiteRuntime.start(heapBytes: configuration.limits.sqliteHeapBytes)
            var options = configuration.sqlite
            options.keepsTemporaryFiles = true
            return EngineSet([SQLiteEngine(options: options, disk: disk)])
        case .duckdb:
            var engines = EngineSet()
            do throws(BerthError) {
                let library = try DuckDBLibrary.load(path: configuration.duckdbLibrary)
                engines.add(DuckDBEngine(library: library, options: configuration.duckdb, disk: disk))
            } catch { engines.miss(.duckdb, error) }
            return engines
        }
    }
}
