import BerthTestKit
import EngineHost
import Engines
import FleetModel
import FleetStore
import Leases
import Logging
import ObjectStores
import Replication
import ServiceLifecycle
import Synchronization

@testable import WorkerNode

/// A whole node in this process, with stores of its own to cut it off from.
final class TestNode: Sendable {
    let name: NodeName
    let session: NewSession
    let leases: HookedLeaseStore
    let objects: HookedObjectStore
    let node: WorkerNode
    private let group: ServiceGroup
    private let running: Task<Void, any Error>

    static func settings() -> WorkerSettings {
        var settings = WorkerSettings()
        settings.engine.threads = 2
        settings.reconcileInterval = .milliseconds(500)
        // Tests count what is read.
        settings.backupCheck.interval = .seconds(1_000_000)
        return settings
    }

    /// Starts it, with the files a node of that name left behind.
    ///
    /// - Parameter prepare: sets hooks ahead of its first call.
    init(
        _ name: String, _ stores: TestStores, _ catalogue: FakeCatalogue, settings: WorkerSettings = TestNode.settings(),
        engines: EngineSet = EngineSet([SQLiteEngine()]), before prepare: (HookedLeaseStore, HookedObjectStore) -> Void = { _, _ in },
        host: ((SessionGate) -> any EngineHost)? = nil
    ) throws {
        self.name = try NodeName(name)
        session = NewSession(id: .random(), node: self.name, role: .node, address: "http://\(name):1")
        leases = HookedLeaseStore(besides: stores.leases)
        objects = HookedObjectStore(stores.objects)
        prepare(leases, objects)
        var logger = Logger.test
        logger[metadataKey: "node"] = "\(name)"
        node = WorkerNode(
            session: session, leases: leases, catalogue: catalogue, segments: stores.segments, objects: objects, engines: engines, host: host,
            directory: stores.disk.path + "/" + name, settings: settings, hints: { catalogue.hints() }, machine: Machine(clock: stores.clock),
            logger: logger)
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    .init(
                        service: node, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .gracefullyShutdownGroup)
                ], logger: logger))
        self.group = group
        running = Task { try await group.run() }
    }

    func leads(_ record: DatabaseRecord) -> Bool { node.leads(record.name) }

    func tenant(_ record: DatabaseRecord) -> Tenant? { node.table[record.id] }

    func client(_ record: DatabaseRecord) -> DataClient {
        DataClient(database: record.name) { [node] call async throws(BerthError) in try await node.serve(call) }
    }

    /// Stops it as SIGTERM does, and waits for its end.
    func stop() async throws {
        await group.triggerGracefulShutdown()
        try await running.value
    }

    /// Cuts it off from both stores.
    func cutOff() {
        leases.before { _ throws(LeaseStoreError) in throw .unavailable("cut off") }
        objects.before { _ in throw ObjectStoreError.unavailable(reason: "cut off", retryable: true) }
    }

    func reconnect() {
        leases.before(nil)
        objects.before(nil)
    }

    /// Returns once everything committed is in the bucket.
    func publishAll() async throws {
        try await becomesTrue("all is published") {
            for tenant in node.table.all where await !tenant.allIsPublished { return false }
            return true
        }
    }

    /// Ends it with nothing more reaching the stores and its files as they are; then does what its supervisor does, unless that is gone too.
    func crash(endsSession: Bool = true) async throws {
        cutOff()
        for tenant in node.table.all { await tenant.abandon(reason: "crash") }
        await group.triggerGracefulShutdown()
        _ = try? await running.value
        if endsSession { _ = try await leases.base.endOwnSession(session.id, node: name, reason: "crashed") }
    }

    /// The error it ended with by itself.
    func waitForEnd() async -> (any Error)? {
        do { try await running.value } catch { return error }
        return nil
    }
}

/// Asks whoever leads, again and again, until it is answered.
func eventuallyExecute(
    _ sql: String, on record: DatabaseRecord, _ nodes: [TestNode]
) async throws -> StatementAnswer {
    var answer: StatementAnswer?
    try await becomesTrue("“\(sql)” is answered") {
        for node in nodes where node.leads(record) {
            do {
                answer = try await node.client(record).execute(sql)
                return true
            } catch let error as BerthError where error.code == .notLeader || error.code == .leaderUnavailable {
                continue
            }
        }
        return false
    }
    guard let answer else { throw BerthError(.internalError, "nobody answered") }
    return answer
}
