import Changesets
public import Engines
public import FleetModel
import Foundation
import Glibc
public import Logging
import Metrics
import Synchronization

/// How a node keeps its engine hosts.
public struct ProcessHostSettings: Sendable, Hashable {
    /// Hosts that SQLite databases are spread over. Default: as many as the machine has processors, at least two.
    public var sqliteHosts = max(2, ProcessInfo.processInfo.activeProcessorCount)
    /// Hosts of each engine in use that are ready and without a database. Default 1.
    public var spareHosts = 1
    /// How long a host for one database stays without it. Default 30 s.
    public var idleTimeout: Duration = .seconds(30)
    /// How often the node looks at the memory of its hosts, and whether they live. Default 50 ms.
    public var watchInterval: Duration = .milliseconds(50)
    public var quarantine = Quarantine()

    public init() {}
}

/// Engine hosts in child processes, or in what a simulation has instead: what ends one of them ends nobody else, and none of them outlives this process.
///
/// ``shutdown()`` must be called for the processes and threads to end.
public final class ProcessHosts: EngineHost {
    private struct State {
        var placement: HostPlacement
        var processes: [Int: EngineProcess] = [:]
        var quarantine: Quarantine
        /// What this machine does not have was told of.
        var toldMissing = false
        var isShutDown = false
        var awaitingEnd: [CheckedContinuation<Void, Never>] = []
    }

    private let configuration: HostConfiguration
    private let machine: any HostMachine
    private let settings: ProcessHostSettings
    private let gate: @Sendable () -> BootInstant
    private let blocking: BlockingWork
    private let clock: any FleetClock
    private let logger: Logger
    private let state: Mutex<State>

    /// - Parameters:
    ///   - lock: on the directory in which the databases are.
    ///   - configuration: of every host; which engine it has, where its databases and its spool are is added.
    ///   - gate: until when hosts may begin work, as it is now; asked before each request.
    public convenience init(
        lock: HostsLock, configuration: HostConfiguration, program: HostProgram, settings: ProcessHostSettings, gate: @escaping @Sendable () -> BootInstant,
        blocking: BlockingWork = .threads, clock: any FleetClock, logger: Logger
    ) {
        self.init(
            on: ChildProcesses(lock, program), configuration: configuration, settings: settings, gate: gate, blocking: blocking, clock: clock, logger: logger)
    }

    /// As above, on a machine of whatever kind.
    package init(
        on machine: any HostMachine, configuration: HostConfiguration, settings: ProcessHostSettings, gate: @escaping @Sendable () -> BootInstant,
        blocking: BlockingWork, clock: any FleetClock, logger: Logger
    ) {
        var configuration = configuration
        configuration.directory = machine.directory
        self.configuration = configuration
        self.machine = machine
        self.settings = settings
        self.gate = gate
        self.blocking = blocking
        self.clock = clock
        self.logger = logger
        try? FileManager.default.removeItem(atPath: Self.spoolFolder(configuration.directory))
        state = Mutex(
            State(
                placement: HostPlacement(
                    shared: [.sqlite: max(1, settings.sqliteHosts)], spares: settings.spareHosts, idleTimeout: settings.idleTimeout),
                quarantine: settings.quarantine))
        machine.watch(every: settings.watchInterval) { [weak self] in
            self?.look()
            return self != nil
        }
    }

    /// Changesets that hosts gave away, until they are shipped.
    private var kept: SpoolRule {
        SpoolRule(
            folder: SpoolFolder("\(Self.spoolFolder(configuration.directory))/node"), memoryBytes: configuration.settings.changesetMemoryBytes)
    }

    private static func spoolFolder(_ directory: String) -> String { "\(directory)/spool" }

    // MARK: Opening

    public func open(_ opening: DatabaseOpening, for owner: any DatabaseOwner) async throws(OpeningFailure) -> any HostedDatabase {
        let now = clock.now()
        let verdict = state.withLock { $0.quarantine.verdict(on: opening.database, at: now) }
        if case .refused(let quarantined) = verdict {
            RareBranch.databaseQuarantined.marked()
            throw .quarantined(quarantined)
        }
        if verdict == .alone { RareBranch.openedAlone.marked() }
        let number = change { $0.placement.place(opening.engine, alone: verdict == .alone, at: now) }
        do throws(OpeningFailure) {
            let process = try await process(number)
            let place = try await process.connection.open(opening, for: owner)
            return RemoteDatabase(place, process.connection, clock: clock) { [gate] in
                process.board.setGate(gate())
            } closed: { [weak self] in
                self?.leave(number)
            }
        } catch {
            leave(number)
            throw error
        }
    }

    public func remember(_ quarantined: [DatabaseID: Quarantined]) {
        let now = clock.now()
        state.withLock { state in
            for (database, quarantined) in quarantined { state.quarantine.remember(database, quarantined, at: now) }
        }
    }

    private func leave(_ number: Int) {
        let now = clock.now()
        state.withLock { $0.placement.leave(number, at: now) }
    }

    private func process(_ number: Int) async throws(OpeningFailure) -> EngineProcess {
        guard let process = state.withLock({ $0.processes[number] }), await process.becomesReady() else {
            throw .host(.hostLost("it could not be started"))
        }
        process.board.setGate(gate())
        return process
    }

    public func rehearse(_ path: String, _ engine: EngineKind) async throws(HostFailure) { try await examine(.rehearse(engine, path: path), engine) }

    public func verify(_ path: String, _ engine: EngineKind) async throws(HostFailure) { try await examine(.verify(engine, path: path), engine) }

    /// In a host where nobody's database is, or comes meanwhile: the files may be anything.
    private func examine(_ request: HostRequest, _ engine: EngineKind) async throws(HostFailure) {
        let now = clock.now()
        let number = change { $0.placement.place(engine, alone: true, at: now) }
        defer { leave(number) }
        let connection: HostConnection
        do throws(OpeningFailure) { connection = try await process(number).connection } catch { throw .hostLost("\(error)") }
        switch await connection.ask(request) {
        case .message(.done): return
        case .message(.failed(let failure)): throw failure
        case .message: throw .hostLost(connection.misunderstood())
        case .lost(let reason, _): throw .hostLost(reason)
        case .refused: throw .hostLost("it was asked for too much at once")
        }
    }

    public var descriptors: (taken: Int, limit: Int) {
        let taken = state.withLock { $0.processes.values.filter { $0.engine == .sqlite }.map(\.board.descriptorsTaken) }
        return (taken.reduce(0, +), configuration.databaseDescriptors * max(1, settings.sqliteHosts))
    }

    // MARK: Processes

    /// Changes the placement, and has what follows from it: a host that is placed in is there from that moment on.
    @discardableResult
    private func change<Value>(_ body: (inout State) -> (Value, [HostPlacement.Action])) -> Value {
        let gate = gate()
        let (value, begun, dismissed) = state.withLock { state -> (Value, [EngineProcess], [EngineProcess]) in
            let (value, actions) = body(&state)
            var begun: [EngineProcess] = [], dismissed: [EngineProcess] = []
            for action in actions {
                switch action {
                case .start(let number, let engine):
                    guard let process = make(number, engine, gate, isWanted: !state.isShutDown) else {
                        _ = state.placement.ended(number, wasReady: false)
                        continue
                    }
                    state.processes[number] = process
                    begun.append(process)
                case .end(let number): if let process = state.processes[number] { dismissed.append(process) }
                }
            }
            return (value, begun, dismissed)
        }
        for process in begun { start(process) }
        for process in dismissed { process.dismiss() }
        return value
    }

    private func make(_ number: Int, _ engine: EngineKind, _ gate: BootInstant, isWanted: Bool) -> EngineProcess? {
        guard isWanted else { return nil }
        var configuration = configuration
        configuration.engine = engine
        configuration.spool = "\(Self.spoolFolder(configuration.directory))/\(getpid())-\(number)"
        do throws(BerthError) {
            return try EngineProcess(
                number, configuration, on: machine, kept: kept, gate: gate, interval: settings.watchInterval, blocking: blocking)
        } catch {
            logger.error("no engine host", metadata: ["error": "\(error)"])
            return nil
        }
    }

    private func start(_ process: EngineProcess) {
        process.start { [weak self] missing in
            self?.ready(missing)
        } ended: { [weak self] death, wasReady in
            self?.ended(process, death, wasReady)
        }
    }

    private func ready(_ missing: [String]) {
        let isFirst = state.withLock { state in
            defer { state.toldMissing = true }
            return !state.toldMissing
        }
        guard isFirst, !missing.isEmpty else { return }
        logger.warning(
            "this machine does not have every limit of engine hosts; what a host must not do is then kept by less",
            metadata: ["missing": "\(missing.joined(separator: "; "))"])
    }

    /// A process was reaped: its board says what it was doing.
    private func ended(_ process: EngineProcess, _ death: HostDeath, _ wasReady: Bool) {
        let now = clock.now()
        let death = death == .killed(signal: SIGKILL) && machine.ranOutOfMemory ? .memory("the machine had none left") : death
        let culprit: ExecutionBoard.Work? =
            switch death {
            case .overdue: process.board.overdue
            case .crashed: process.board.crashed
            default: nil
            }
        let works = culprit.map { [$0] } ?? process.board.works
        let blamed = death.blamesWork ? Set(works.map(\.database)).subtracting([.nobody]).sorted() : []
        let calls = blamed.isEmpty ? [:] : process.connection.begunCalls(process.board.hasBegun)
        let awaiting = change { state -> ([CheckedContinuation<Void, Never>], [HostPlacement.Action]) in
            state.processes[process.number] = nil
            for database in blamed {
                let statement = calls[database].flatMap(StatementBeginning.of).map { ", while it ran “\($0)”" } ?? ""
                state.quarantine.died(database, at: now, reason: death.description + statement)
            }
            let actions = state.placement.ended(process.number, wasReady: wasReady && death != .dismissed)
            guard state.isShutDown, state.processes.isEmpty else { return ([], state.isShutDown ? [] : actions) }
            defer { state.awaitingEnd = [] }
            return (state.awaitingEnd, [])
        }
        death.rareBranch?.marked()
        if death != .dismissed {
            Counter(label: "berth_engine_host_deaths_total", dimensions: [("cause", death.cause)]).increment()
            logger.warning(
                "engine host ended",
                metadata: [
                    "host": "\(process.number)", "engine": "\(process.engine.rawValue)", "cause": "\(death.description)",
                    "databases": "\(process.connection.databases)", "executing": "\(works.map(\.database.description).joined(separator: " "))",
                ])
        }
        process.connection.end(death.description, blamed: Set(blamed), hasBegun: process.board.hasBegun)
        for continuation in awaiting { continuation.resume() }
    }

    // MARK: Looking after them

    private func look() {
        let now = clock.now()
        // Dismissed ones stay among them until they are reaped.
        let processes = change { state in (Array(state.processes.values), state.placement.idle(at: now)) }
        machine.lookForMemory()
        let gate = gate()
        for process in processes {
            // What a host begins by itself, without a request, needs it as well.
            process.board.setGate(gate)
            process.look(at: now)
        }
    }

    // MARK: What others see

    /// A host, for people, for tests and for what breaks fleets on purpose.
    public struct HostView: Sendable, Hashable {
        public var pid: Int32
        public var engine: EngineKind
        public var databases: Int
        public var residentBytes: Int64
    }

    /// What they are carrying out, as far as it has a deadline.
    var works: [ExecutionBoard.Work] {
        state.withLock { $0.processes.values.map(\.board) }.flatMap(\.works).filter { $0.deadline != nil }
    }

    /// Those that run.
    public var hosts: [HostView] {
        state.withLock { $0.processes.sorted { $0.key < $1.key }.map(\.value) }.compactMap { process in
            process.pid.map {
                HostView(
                    pid: $0, engine: process.engine, databases: process.connection.databases, residentBytes: process.residentBytes ?? 0)
            }
        }
    }

    /// Values that are states rather than events, for a scrape.
    public func gauges() -> [(name: String, value: Double)] {
        let hosts = hosts
        return [
            ("berth_engine_hosts", Double(hosts.count)),
            ("berth_engine_host_resident_bytes", Double(hosts.reduce(0) { $0 + $1.residentBytes })),
            ("berth_engine_host_largest_bytes", Double(hosts.map(\.residentBytes).max() ?? 0)),
            ("berth_databases_quarantined", Double(quarantined.count)),
        ]
    }

    /// Databases that are not opened at present, each with the reason.
    public var quarantined: [DatabaseID: Quarantined] {
        let now = clock.now()
        return state.withLock { $0.quarantine.refused(at: now) }
    }

    /// Starts a host of each kind, so that the first opening need not wait for it.
    public func warmUp(_ engines: Set<EngineKind>) {
        for engine in engines.sorted(by: { $0.rawValue < $1.rawValue }) {
            change { ((), $0.placement.prepare(engine)) }
        }
    }

    // MARK: The end

    /// Keeps a host for SQLite ready from the beginning, until cancelled; then ends them all.
    public func run() async {
        warmUp([.sqlite])
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        for await _ in stream {}
        continuation.finish()
        await shutdown()
    }

    /// Ends every host, and returns when the last was reaped.
    public func shutdown() async {
        machine.stopWatching()
        await withCheckedContinuation { continuation in
            let processes = state.withLock { state in
                state.isShutDown = true
                if !state.processes.isEmpty { state.awaitingEnd.append(continuation) }
                return Array(state.processes.values)
            }
            for process in processes { process.dismiss() }
            if processes.isEmpty { continuation.resume() }
        }
    }
}
