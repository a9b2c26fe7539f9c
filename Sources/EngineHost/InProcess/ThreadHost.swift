public import Changesets
public import Engines
public import FleetModel
public import Logging
import Synchronization

/// The host in this process: databases on threads of an ``EnginePool``. Also what a host process has inside.
public final class ThreadHost: EngineHost {
    private let engines: EngineSet
    /// Databases that are being opened.
    private let openings = Atomic(0)
    private let environment: HostEnvironment

    /// - Parameters:
    ///   - clock: by which everything is stopped, ended and waited for, statements of engines too.
    ///   - pool: where engines run; not shut down by this.
    ///   - gate: whether work may begin.
    ///   - descriptors: that the files of all databases may take together.
    ///   - spool: where large changesets are made; without, in memory.
    ///   - watch: told of what engines do.
    public init(
        engines: EngineSet, pool: EnginePool, blockingWork: BlockingWork, settings: HostSettings, clock: any FleetClock,
        gate: @escaping @Sendable () -> Bool, descriptors: Int = .max, spool: SpoolFolder? = nil, watch: any ExecutionWatch = NoExecutionWatch(), logger: Logger
    ) {
        self.engines = engines.timed(by: clock)
        environment = HostEnvironment(
            pool: pool, blockingWork: blockingWork, settings: settings, clock: clock, isGateOpen: gate, files: OpenFiles(limit: descriptors),
            watch: watch, spool: spool.map { SpoolRule(folder: $0, memoryBytes: settings.changesetMemoryBytes) }, logger: logger)
    }

    public var descriptors: (taken: Int, limit: Int) { (environment.files.taken, environment.files.limit) }

    /// Databases that are open.
    var openDatabases: Int { environment.open.count }

    /// Watches what can expire, until cancelled: without it nothing ever does.
    public func run() async { await environment.attention.run(every: environment.settings.expiryInterval, clock: environment.clock) }

    public func open(_ opening: DatabaseOpening, for owner: any DatabaseOwner) async throws(OpeningFailure) -> any HostedDatabase {
        try await open(here: opening, for: owner)
    }

    /// As ``open(_:for:)``, and what it is here.
    func open(here opening: DatabaseOpening, for owner: any DatabaseOwner) async throws(OpeningFailure) -> OpenDatabase {
        let engine: any Engine
        do throws(HostFailure) { engine = try find(opening.engine) } catch { throw .host(error) }
        guard environment.files.take(engine.openingDescriptors) else { throw .tooManyFiles }
        openings.add(1, ordering: .relaxed)
        defer { openings.subtract(1, ordering: .relaxed) }
        let (host, taken) = (environment, engine.openingDescriptors)
        do throws(OpeningFailure) {
            let opened = try await BlockingWork(on: host.pool).run { () throws(OpeningFailure) in
                try OpenDatabase.open(opening, by: engine, for: owner, in: host, descriptors: taken)
            }
            environment.open.insert(opened)
            return opened
        } catch {
            environment.files.settle(from: taken, to: 0)
            throw error
        }
    }

    /// Ends as a process does that is killed: of what is open the files are left, as they are, and every owner is told.
    ///
    /// For simulations and tests. The host serves on, as the one that takes its place.
    public func lose(because reason: String) async {
        await withTaskGroup(of: Void.self) { group in
            for database in environment.open.all { group.addTask { await database.lose(because: reason) } }
        }
    }

    /// As ``lose(because:)``, of a host that does not serve on and whose owners are told by others.
    ///
    /// - Returns: whether nothing is open or being opened any more.
    func closeAll(because reason: String) async -> Bool {
        let error = BerthError(.leaderUnavailable, "The database was closed: \(reason).")
        for database in environment.open.all { _ = await database.close(clean: false, because: error) }
        return environment.open.count == 0 && openings.load(ordering: .relaxed) == 0
    }

    public func rehearse(_ path: String, _ engine: EngineKind) async throws(HostFailure) {
        let engine = try find(engine)
        try await upkeep(of: path, by: engine) { () throws(SQLError) in try engine.rehearse(path) }
    }

    public func verify(_ path: String, _ engine: EngineKind) async throws(HostFailure) {
        let engine = try find(engine)
        try await upkeep(of: path, by: engine) { () throws(SQLError) in try engine.verify(path) }
    }

    /// Of files that no opening has: nobody's requests are to blame.
    private func upkeep(of path: String, by engine: any Engine, _ body: @escaping @Sendable () throws(SQLError) -> Void) async throws(HostFailure) {
        do throws(SQLError) {
            try await BlockingWork(on: environment.pool).run { [environment] () throws(SQLError) in
                try environment.upkeep(of: .nobody, at: path, by: engine, body)
            }
        } catch { throw .engine(error) }
    }

    private func find(_ kind: EngineKind) throws(HostFailure) -> any Engine {
        do throws(BerthError) { return try engines.engine(kind) } catch { throw .engineMissing(error.message) }
    }
}
