import FleetModel
import FleetStore
import Leases
import Logging
import Metrics
import Placement

/// Places databases anew whose node is gone.
struct Failover {
    let manager: FleetManager
    let term: ManagerTerm
    private let placed = Counter(label: "berth_failovers_total")
    /// Since when a registered node has been seen without a session.
    private var absentSince: [NodeName: Duration] = [:]
    private var nextAudit: Duration = .zero
    private var lastLive: Set<SessionID> = []
    private var firstChances = FirstChances()

    init(manager: FleetManager, term: ManagerTerm) {
        self.manager = manager
        self.term = term
    }

    /// Looks until cancelled: after every signal, and now and then anyway.
    mutating func run(wakeup: Wakeup) async {
        while !Task.isCancelled {
            do { try await look() } catch {
                manager.logger.warning("failover pass failed", metadata: ["error": "\(error)"])
                nextAudit = .zero
            }
            let audit = manager.clock.now() + manager.settings.auditInterval
            await wakeup.wait(until: min(audit, firstChances.nextEnd ?? audit), clock: manager.clock)
        }
    }

    /// Looks whenever the set of living sessions changed, and now and then anyway.
    private mutating func look() async throws {
        let now = manager.clock.now()
        let live = try await manager.leases.liveSessions()
        let ids = Set(live.map(\.id))
        // At every look: a node that was back for a moment has its whole grace again.
        let present = Set(live.filter { $0.role == .node }.map(\.node))
        absentSince = absentSince.filter { !present.contains($0.key) }
        let isChanceOver = firstChances.endsNow(at: now)
        firstChances.observe(live, at: now, silenced: manager.silenced, for: manager.settings.firstChance, after: manager.settings.firstChanceAfter)
        guard !lastLive.isSubset(of: ids) || now >= nextAudit || lastLive.isEmpty || isChanceOver else {
            lastLive = ids
            return
        }
        let absent = try await absentNodes(present, now)
        while try await placeOrphans(absent) {}
        try await placeStranded(absent)
        manager.note(databasesOfUnknownKind: try await manager.catalogue.databasesOfUnknownKind())
        lastLive = ids
        nextAudit = now + manager.settings.auditInterval
    }

    private mutating func absentNodes(_ present: Set<NodeName>, _ now: Duration) async throws -> [NodeName] {
        let missing = try await manager.catalogue.nodeNames().filter { !present.contains($0) }
        absentSince = absentSince.filter { missing.contains($0.key) }
        for node in missing where absentSince[node] == nil { absentSince[node] = now }
        return missing.filter { absentSince[$0].map { now - $0 >= manager.settings.absenceGrace } ?? false }
    }

    /// - Returns: whether there may be more.
    private func placeOrphans(_ absent: [NodeName]) async throws -> Bool {
        let batch = manager.settings.placementBatch
        let orphans = try await manager.catalogue.orphans(absent: absent, limit: batch)
        guard !orphans.isEmpty else { return false }
        var moves: [(database: DatabaseID, from: NodeName, to: NodeName)] = []
        for (engine, databases) in Dictionary(grouping: orphans, by: \.engine).sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            let candidates = try await manager.candidates(for: engine)
            for (node, group) in Dictionary(grouping: databases, by: \.placedOn) where !firstChances.hasChance(node) {
                // Not back to the node that just died, even if it is up again: it may die again, and its disk is no help.
                let others = candidates.filter { $0.node != node }
                let targets = LeaderChoice.spread(group.count, over: others)
                invariant(targets.isEmpty || targets.count == group.count, "databases are placed on no node while there are some")
                invariant(!targets.contains(node), "databases are placed on the node that died")
                moves += zip(group, targets).map { ($0.database, node, $1) }
            }
        }
        guard !moves.isEmpty else { return false }
        let changed = try await manager.catalogue.place(moves, under: term)
        invariant(changed.isSubset(of: moves.map(\.database)), "a database was placed that was not meant")
        placed.increment(by: changed.count)
        manager.logger.notice("placed anew", metadata: ["databases": "\(changed.count)"])
        return orphans.count == batch && !changed.isEmpty
    }

    /// A move whose target is gone goes back to the leader, which never stopped serving.
    private func placeStranded(_ absent: [NodeName]) async throws {
        guard !absent.isEmpty else { return }
        let stranded = try await manager.catalogue.stranded(on: absent, limit: manager.settings.placementBatch)
        guard !stranded.isEmpty else { return }
        try await manager.catalogue.place(stranded.map { ($0.database, $0.placedOn, $0.leader) }, under: term)
    }
}
