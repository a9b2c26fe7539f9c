import BerthTestKit
import FleetManager
import FleetModel
import FleetStore
import Foundation
import Leases
import ObjectStores
import Synchronization
import Testing

/// A fleet in a real Postgres: managers that really run, nodes that are scripts, and time that a test moves.
final class ManagedFleet {
    /// A manager with its own way to the store.
    struct RunningManager {
        let manager: FleetManager
        let store: WatchedStore
        let task: Task<Void, any Error>
        fileprivate let end: End

        /// Whether its `run` has returned.
        var isOver: Bool { end.isReached.withLock { $0 } }
    }

    fileprivate final class End: Sendable {
        let isReached = Mutex(false)
    }

    let clock = ManualClock()
    let database: FleetDatabase
    let catalogue: FleetCatalogue
    let store: PostgresLeaseStore
    let objects: any ObjectStore
    var settings: ManagerSettings
    /// Of the sessions of managers and nodes.
    let timing = LeaseTiming()
    private(set) var managers: [RunningManager] = []
    private var nodes: [String: ScriptedNode] = [:]

    init(objects: any ObjectStore = MemoryStore(), _ change: (inout ManagerSettings) -> Void = { _ in }) async throws {
        database = try await FleetDatabase.make()
        catalogue = database.catalogue()
        store = database.leaseStore()
        self.objects = objects
        settings = ManagerSettings()
        change(&settings)
    }

    deinit { for manager in managers { manager.task.cancel() } }

    /// Ends the managers; what they were doing is over when this returns.
    func stop() async {
        for manager in managers { manager.task.cancel() }
        for manager in managers { _ = await manager.task.result }
    }

    // MARK: Who takes part

    /// - Parameter hints: none by default, so that a manager looks only when its clock says so.
    @discardableResult
    func startManager(hints: @escaping @Sendable () -> AsyncStream<StoreHint> = { .finished }) throws -> RunningManager {
        let store = WatchedStore(database.leaseStore(), clock: clock)
        let manager = FleetManager(
            session: NewSession(
                id: .random(), node: try NodeName("manager-\(managers.count + 1)"), role: .manager, address: "", timing: timing),
            leases: store, catalogue: database.catalogue(connections: 3), objects: objects, settings: settings, hints: hints,
            clock: clock, logger: .silent)
        let end = End()
        let task = Task {
            defer { end.isReached.withLock { $0 = true } }
            try await manager.run()
        }
        let running = RunningManager(manager: manager, store: store, task: task, end: end)
        managers.append(running)
        return running
    }

    @discardableResult
    func addNode(_ name: String, _ behaviour: ScriptedNode.Behaviour = .healthy) async throws -> SessionID {
        var node = try await ScriptedNode(name, store: store, catalogue: catalogue)
        node.behaviour = behaviour
        nodes[name] = node
        return node.session
    }

    /// Lets `name` do something out of turn.
    func node(_ name: String, _ body: (inout ScriptedNode) async throws -> Void) async throws {
        var node = try #require(nodes[name])
        try await body(&node)
        nodes[name] = node
    }

    func renewal(of name: String) throws -> Renewal { try #require(nodes[name]).renewal }

    /// Databases placed on `node`, and led by it if it lives and acquires.
    func makeDatabases(_ count: Int, on node: String, named prefix: String = "db") async throws -> [DatabaseID] {
        var ids: [DatabaseID] = []
        for number in 0..<count {
            let record = DatabaseRecord(
                id: .random(), name: try DatabaseName("\(prefix)-\(node)-\(number)"), engine: .sqlite, durability: .bucket,
                createdAt: Date())
            try await catalogue.createDatabase(record, on: try NodeName(node))
            ids.append(record.id)
        }
        try await self.node(node) { try await $0.act() }
        return ids
    }

    // MARK: Time

    /// Everyone has a turn, then time passes until the next reading of the sessions, which is awaited.
    func step() async throws {
        for name in nodes.keys.sorted() { try await node(name) { try await $0.act() } }
        let before = managers.map(\.store.readings)
        clock.advance(by: settings.pollInterval)
        for (manager, readings) in zip(managers, before) {
            var looks = 0
            try await becomesTrue("the manager looks") {
                if manager.isOver || (manager.store.readings > readings && manager.store.isIdle) { return true }
                looks += 1
                // It may have gone to sleep only after time had passed.
                if looks % 20 == 0 && manager.store.isIdle { clock.advance(by: settings.pollInterval) }
                return false
            }
        }
    }

    /// Lets time pass until `condition` holds.
    ///
    /// - Parameter limit: of the fleet's time; only a failing test reaches it.
    /// - Returns: how much of it passed.
    @discardableResult
    func run(
        until what: String, within limit: Duration = .seconds(300), _ condition: () async throws -> Bool
    ) async throws -> Duration {
        let start = clock.now()
        while try await !condition() {
            guard clock.now() - start < limit else { throw NeverHappened(what, within: limit) }
            try await step()
        }
        return clock.now() - start
    }

    /// Lets `duration` pass; `holds` is checked after every step.
    func run(
        for duration: Duration, _ location: SourceLocation = #_sourceLocation, holds: () async throws -> Bool = { true }
    ) async throws {
        let end = clock.now() + duration
        while clock.now() < end {
            try await step()
            let isTrue = try await holds()
            #expect(isTrue, sourceLocation: location)
            if !isTrue { return }
        }
    }

    /// Until some manager leads.
    func runUntilLed() async throws {
        try await run(until: "a manager leads") { managers.contains { $0.manager.isLeading } }
    }

    // MARK: What is

    /// How many of `ids` each live node leads.
    func leaders(of ids: [DatabaseID]) async throws -> [String: Int] {
        try await count(ids) { $0.leader?.description }
    }

    func placements(of ids: [DatabaseID]) async throws -> [String: Int] {
        try await count(ids) { $0.placedOn.description }
    }

    private func count(_ ids: [DatabaseID], _ node: (DatabaseStatus) -> String?) async throws -> [String: Int] {
        var counts: [String: Int] = [:]
        let all = try await catalogue.databases(limit: 100_000)
        for status in all where ids.contains(status.record.id) {
            if let node = node(status) { counts[node, default: 0] += 1 }
        }
        return counts
    }

    func isLive(_ session: SessionID) async throws -> Bool {
        try await store.liveSessions().contains { $0.id == session }
    }

    func lead() async throws -> Lease { try #require(try await store.leases(of: [.managerLease]).first) }

    /// Runs until the operation is over.
    func outcome(of id: OperationID, within limit: Duration = .seconds(300)) async throws -> OperationRecord {
        try await run(until: "operation \(id) is over", within: limit) { try await catalogue.operation(id).state.isFinished }
        return try await catalogue.operation(id)
    }
}

extension AsyncStream {
    /// Nothing ever comes.
    static var finished: AsyncStream { AsyncStream { $0.finish() } }
}
