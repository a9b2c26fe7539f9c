import BerthTestKit
import FleetModel
import FleetStore
import Leases
import ObjectStores
import Synchronization

@testable import WorkerNode

/// Three nodes, what happens to them, and a manager that ends the silent ones.
final class RandomFleet: Sendable {
    private struct State {
        var random: SeededGenerator
        var nodes: [NodeName: TestNode] = [:]
        /// In percent of the calls.
        var lossRate = 0
    }

    let names: [NodeName]
    private let stores: TestStores
    private let catalogue: FakeCatalogue
    private let state: Mutex<State>

    init(_ stores: TestStores, _ catalogue: FakeCatalogue, seed: UInt64) throws {
        self.stores = stores
        self.catalogue = catalogue
        names = try ["node-a", "node-b", "node-c"].map { try NodeName($0) }
        state = Mutex(State(random: SeededGenerator(seed: seed)))
        for name in names { try start(name) }
    }

    var nodes: [TestNode] { state.withLock { Array($0.nodes.values) } }

    private func random(_ range: Range<Int>) -> Int { state.withLock { Int.random(in: range, using: &$0.random) } }

    private func isLost() -> Bool {
        state.withLock { Int.random(in: 0..<100, using: &$0.random) < $0.lossRate }
    }

    private func start(_ name: NodeName) throws {
        let node = try TestNode("\(name)", stores, catalogue) { leases, objects in disturbCalls(leases, objects) }
        state.withLock { $0.nodes[name] = node }
    }

    private func disturbCalls(_ leases: HookedLeaseStore, _ objects: HookedObjectStore) {
        leases.before { [self] call throws(LeaseStoreError) in
            if case .openSession = call { return }
            // Half of these are lost replies of statements that never happen.
            if isLost() { throw random(0..<2) == 0 ? .unavailable("lost") : .outcomeUnknown("lost") }
        }
        leases.after { [self] call throws(LeaseStoreError) in
            if case .openSession = call { return }
            if isLost() { throw .outcomeUnknown("reply lost") }
        }
        objects.before { [self] _ in if isLost() { throw ObjectStoreError.unavailable(reason: "lost", retryable: true) } }
        objects.after { [self] _ in if isLost() { throw ObjectStoreError.unavailable(reason: "reply lost", retryable: true) } }
    }

    // MARK: What happens

    func disturb(times: Int, _ records: [DatabaseRecord]) async throws {
        let managing = Task { try await self.manage() }
        defer { managing.cancel() }
        state.withLock { $0.lossRate = 5 }
        for _ in 0..<times {
            let name = names[random(0..<names.count)]
            switch random(0..<10) {
            case 0, 1: try await crash(name)
            case 2: try await cutOff(name)
            case 3: try await restart(name)
            default: catalogue.place(records[random(0..<records.count)], on: name)
            }
            try await pass(.milliseconds(random(100..<2000)))
        }
        state.withLock { $0.lossRate = 0 }
    }

    private func crash(_ name: NodeName) async throws {
        guard let node = state.withLock({ $0.nodes[name] }) else { return }
        try await node.crash()
        try start(name)
    }

    /// Long enough for others to take over; then it comes back, and finds out.
    private func cutOff(_ name: NodeName) async throws {
        guard let node = state.withLock({ $0.nodes[name] }) else { return }
        node.cutOff()
        try await pass(.milliseconds(random(1000..<9000)))
        disturbCalls(node.leases, node.objects)
        try await pass(.seconds(6))
        guard !node.node.isReady else { return }
        _ = await node.waitForEnd()
        try start(name)
    }

    private func restart(_ name: NodeName) async throws {
        guard let node = state.withLock({ $0.nodes[name] }) else { return }
        try? await node.stop()
        try await stores.leases.base.endOwnSession(node.session.id, node: name, reason: "supervisor")
        try start(name)
    }

    /// Ends silent sessions (rules 3 and 10) and moves what they led; brings back nodes that ended by themselves.
    private func manage() async throws {
        var observer = SessionObserver()
        while !Task.isCancelled {
            let live = try await stores.leases.base.liveSessions()
            for verdict in observer.observe(live, receivedAt: stores.clock.now()) {
                _ = try await stores.leases.base.endSession(
                    verdict.session.id, seen: verdict.session.renewals, reason: "silent")
            }
            try await pass(.milliseconds(500))
        }
    }

    private func pass(_ duration: Duration) async throws {
        try await stores.clock.sleep(for: duration)
    }

    /// Heals everything and waits until each database is served where it is placed.
    func calm(_ records: [DatabaseRecord]) async throws {
        for name in names {
            guard let node = state.withLock({ $0.nodes[name] }) else { continue }
            node.reconnect()
            node.leases.after(nil)
            node.objects.after(nil)
            if !node.node.isReady {
                try await stores.leases.base.endOwnSession(node.session.id, node: name, reason: "supervisor")
                _ = await node.waitForEnd()
                try start(name)
            }
        }
        for record in records { _ = try await eventuallyExecute("SELECT 1", on: record, nodes) }
        for node in nodes { try await node.publishAll() }
    }

    func stop() async throws {
        for node in nodes { try await node.stop() }
    }
}
