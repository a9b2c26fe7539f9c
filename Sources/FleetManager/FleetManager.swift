public import FleetModel
public import FleetStore
public import Leases
public import Logging
import Metrics
public import ObjectStores
import Placement
public import ServiceLifecycle
import Synchronization

/// The manager role: ends dead sessions, places databases, carries out operations.
///
/// Any number may run. Every one watches sessions; the one that holds the lease named `manager` also writes intents, each
/// guarded by that lease's epoch. A manager can die at any moment: all it knows is in the store.
public final class FleetManager: Service {
    let keeper: SessionKeeper
    let leases: any LeaseStore
    let catalogue: any ManagerCatalogue
    let objects: any ObjectStore
    let settings: ManagerSettings
    let hints: @Sendable () -> AsyncStream<StoreHint>
    let clock: any FleetClock
    let random: RandomSource
    let logger: Logger
    private let stopping = Wakeup()
    private let leading = Mutex<ManagerTerm?>(nil)
    private let liveNodes = Mutex<Int>(0)
    private let unknownDatabases = Mutex<Int64>(0)
    /// Sessions this manager has ended because they were silent: there nobody says that the process is dead and its machine well.
    private let silencedSessions = Mutex<Set<SessionID>>([])
    var silenced: Set<SessionID> { silencedSessions.withLock { $0 } }
    /// Made at once, so that a scrape shows 0 before the first.
    private let sessionsEnded = Counter(label: "berth_sessions_ended_total")

    /// - Parameter hints: the hints of the store, from the moment of the call on.
    public init(
        session: NewSession, leases: any LeaseStore, catalogue: any ManagerCatalogue, objects: any ObjectStore,
        settings: ManagerSettings, hints: @escaping @Sendable () -> AsyncStream<StoreHint>, clock: any FleetClock,
        renewalThread: RenewalThread? = nil, random: RandomSource = .system, logger: Logger
    ) {
        self.keeper = SessionKeeper(
            session: session, store: leases, clock: clock, thread: renewalThread, random: random, logger: logger)
        self.leases = leases
        self.catalogue = catalogue
        self.objects = objects
        self.settings = settings
        self.hints = hints
        self.clock = clock
        self.random = random
        self.logger = logger
    }

    /// Opens the session and works until a graceful shutdown.
    ///
    /// - Throws: `session_ended` when the session was lost: the process must end and start again.
    public func run() async throws {
        do { try await keeper.open() } catch { throw error.asBerthError }
        logger.notice("manager joined", metadata: ["session": "\(keeper.session.id)"])
        let refusal = await withGracefulShutdownHandler {
            await withTaskGroup(of: Renewal.Refusal?.self) { group in
                group.addTask { await self.keeper.run() }
                group.addTask {
                    await self.stopping.wait(clock: self.clock)
                    return nil
                }
                group.addTask {
                    await self.watch()
                    return nil
                }
                let first = await group.next() ?? nil
                group.cancelAll()
                return first
            }
        } onGracefulShutdown: {
            self.stopping.signal()
        }
        if let refusal {
            throw BerthError(.sessionEnded, "The session of this manager is over (\(refusal)); it starts again with a new one.")
        }
        do throws(LeaseStoreError) { try await keeper.end(reason: "stopped") } catch {
            logger.warning("session not ended; it runs out by itself", metadata: ["error": "\(error)"])
        }
        logger.notice("manager left")
    }

    /// Whether this manager leads right now, as far as it knows.
    public var isLeading: Bool { leading.withLock { $0 != nil } && keeper.gate.isOpen }

    /// Values that are states rather than events, for a scrape.
    public func gauges() -> [(name: String, value: Double)] {
        [
            ("berth_manager_leading", isLeading ? 1 : 0),
            ("berth_session_renewal_age_seconds", keeper.gate.renewalAge.seconds),
            ("berth_nodes_live", Double(liveNodes.withLock { $0 })),
            ("berth_databases_of_unknown_kind", Double(unknownDatabases.withLock { $0 })),
        ]
    }

    /// A newer program made databases that this one cannot place: told once, and whenever their number changes.
    func note(databasesOfUnknownKind count: Int64) {
        let former = unknownDatabases.withLock { known in
            defer { known = count }
            return known
        }
        guard count != former, count > 0 else { return }
        logger.warning(
            "databases of a kind this program does not know: they are not failed over while it leads; upgrade this manager",
            metadata: ["databases": "\(count)"])
    }

    /// A node for a new database.
    ///
    /// - Throws: `no_node_available`; `engine_unavailable` when there are nodes, and none with the engine.
    public func chooseNode(for engine: EngineKind) async throws(BerthError) -> NodeName {
        var generator = random
        if let node = LeaderChoice.one(among: try await candidates(for: engine), using: &generator) { return node }
        throw try await noCandidate(for: engine)
    }

    /// Nodes that are alive, take databases and have the engine.
    func candidates(for engine: EngineKind) async throws(BerthError) -> [Candidate] {
        try await catalogue.nodes().filter { $0.isAlive && $0.state == .active && $0.engines.contains(engine) }
            .map { Candidate(node: $0.name, placed: $0.placed) }
    }

    /// Why there is no candidate.
    func noCandidate(for engine: EngineKind) async throws(BerthError) -> BerthError {
        guard try await catalogue.nodes().contains(where: { $0.isAlive && $0.state == .active }) else {
            return BerthError(
                .noNodeAvailable, "No node is alive and takes databases. `berth node list` shows their states.")
        }
        return BerthError(
            .engineUnavailable,
            "No node that is alive and takes databases has the engine “\(engine.rawValue)”. `berth node list` shows what they have; "
                + "`ops/install-duckdb` on a node, and a restart of it, adds DuckDB.")
    }

    // MARK: The watch

    /// Reads the sessions again and again, ends the silent ones, and leads if it can.
    private func watch() async {
        var observer = SessionObserver()
        let wakeup = Wakeup()
        let follower = Task { [hints] in
            for await hint in hints() where hint == .sessions || hint == .everything { wakeup.signal() }
        }
        defer { follower.cancel() }
        var leadership: Leadership?
        while !Task.isCancelled {
            do {
                let sessions = try await leases.liveSessions()
                let received = clock.now()
                let verdicts = observer.observe(sessions, receivedAt: received)
                for verdict in verdicts { try await end(verdict) }
                liveNodes.withLock { $0 = Set(sessions.filter { $0.role == .node }.map(\.node)).count }

                let term = try await takeLead(sessions)
                leading.withLock { $0 = term }
                if term != leadership?.term {
                    leadership?.end()
                    leadership = term.map { Leadership(manager: self, term: $0) }
                }
                leadership?.wakeup.signal()
            } catch {
                observer.readingFailed(at: clock.now())
                logger.warning("sessions could not be read", metadata: ["error": "\(error)"])
            }
            await wakeup.wait(until: clock.now() + settings.pollInterval, clock: clock)
        }
        leadership?.end()
    }

    private func end(_ verdict: SessionObserver.Verdict) async throws {
        let session = verdict.session
        guard session.id != keeper.session.id else { return }
        invariant(verdict.silence >= session.ttl, "a session is ended before its TTL has passed")
        let reason = "silent for \(verdict.silence.milliseconds) ms"
        silencedSessions.withLock { _ = $0.insert(session.id) }
        if try await leases.endSession(session.id, seen: session.renewals, reason: reason) {
            RareBranch.silentSessionEnded.marked()
            logger.warning("session ended", metadata: ["node": "\(session.node)", "session": "\(session.id)", "reason": "\(reason)"])
            sessionsEnded.increment()
        }
    }

    /// - Returns: the term this manager leads in; `nil` while another one does or its own gate is closed.
    private func takeLead(_ live: [SessionRecord]) async throws(LeaseStoreError) -> ManagerTerm? {
        guard keeper.gate.isOpen, let lease = try await leases.leases(of: [.managerLease]).first else { return nil }
        if lease.session == keeper.session.id { return ManagerTerm(session: keeper.session.id, term: lease.epoch) }
        if let holder = lease.session, live.contains(where: { $0.id == holder }) { return nil }
        guard let acquired = try await leases.acquire([.managerLease], for: keeper.session.id).first else { return nil }
        invariant(acquired.database == .managerLease && acquired.session == keeper.session.id, "the lead is another's")
        logger.notice("leading the fleet", metadata: ["term": "\(acquired.epoch)"])
        return ManagerTerm(session: keeper.session.id, term: acquired.epoch)
    }
}
