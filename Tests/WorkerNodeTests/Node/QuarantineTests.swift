import BerthTestKit
import EngineHost
import Engines
import FleetModel
import FleetStore
import Leases
import Synchronization
import Testing

@testable import WorkerNode

/// A database that ends hosts again and again: its node writes down that it refuses it, and who leads it next knows before its first request.
@Suite(.timeLimit(.minutes(1))) struct QuarantineTests {
    private let stores: TestStores
    private let catalogue: FakeCatalogue

    init() throws {
        stores = try TestStores()
        catalogue = FakeCatalogue(leases: stores.leases.base)
    }

    /// A node whose host refuses what `faults` say, and keeps account of what it is told.
    private func node(_ name: String, _ faults: FaultyHost.Faults, _ pool: EnginePool) throws -> TestNode {
        try TestNode(
            name, stores, catalogue,
            host: { [clock = stores.clock] gate in
                FaultyHost(
                    base: ThreadHost(
                        engines: EngineSet([SQLiteEngine()]), pool: pool, blockingWork: .threads, settings: HostSettings(), clock: clock,
                        gate: { gate.isOpen }, logger: .test),
                    faults: faults)
            })
    }

    private func withNodes(
        _ names: String..., body: ([TestNode], [FaultyHost.Faults]) async throws -> Void
    ) async throws {
        let pool = EnginePool(threads: 2), faults = names.map { _ in FaultyHost.Faults() }
        let nodes = try zip(names, faults).map { try node($0, $1, pool) }
        try await stores.whileTimePasses {
            try await body(nodes, faults)
            for node in nodes { try await node.stop() }
        }
        await pool.shutdown()
    }

    private func placed(_ name: String, on node: String) async throws -> DatabaseRecord {
        let record = try await stores.makeDatabase(name)
        catalogue.place(record, on: try NodeName(node))
        return record
    }

    private static func call(_ record: DatabaseRecord, _ quarantined: Quarantined) -> String {
        "remember \(record.id): \(quarantined.reason), \(quarantined.refusals)"
    }

    @Test func aRefusalIsWrittenDownOnceEachTime() async throws {
        let record = try await placed("db", on: "node-a")
        let reports = Mutex(0)
        catalogue.before { question throws(BerthError) in if question == "reportQuarantined" { reports.withLock { $0 += 1 } } }
        try await withNodes("node-a") { nodes, faults in
            let (node, faults) = (nodes[0], faults[0])
            try await becomesTrue("it leads") { node.leads(record) }
            for refusals in 1...2 {
                let quarantined = Quarantined(reason: "it crashed, for the \(refusals). time", remaining: .seconds(60 * refusals), refusals: refusals)
                faults.opening = .quarantined(quarantined)
                // However often it is asked for.
                for _ in 0..<5 {
                    let error = await #expect(throws: BerthError.self) { try await node.client(record).execute("SELECT 1") }
                    #expect(error?.code == .quarantined)
                }
                try await becomesTrue("it is written down") { catalogue.said(of: record).quarantined == quarantined }
                #expect(catalogue.said(of: record).servedEpoch == nil)
            }
            faults.opening = nil
            try await node.client(record).execute("SELECT 1")
            try await becomesTrue("it is served") { catalogue.said(of: record).servedEpoch == Epoch(1) }
            #expect(reports.withLock { $0 } == 2)
            #expect(node.leads(record) && catalogue.declined.isEmpty, "it does not wander")
        }
    }

    /// What cannot be said now is said later.
    @Test func aReportThatFailsIsMadeAgain() async throws {
        let record = try await placed("db", on: "node-a")
        let failures = Mutex(3)
        catalogue.before { question throws(BerthError) in
            guard question == "reportQuarantined" else { return }
            let fails = failures.withLock { left in
                left -= 1
                return left >= 0
            }
            if fails { throw BerthError(.storeUnavailable, "as the test wants it") }
        }
        try await withNodes("node-a") { nodes, faults in
            let quarantined = Quarantined(reason: "it crashed", remaining: .seconds(60), refusals: 1)
            faults[0].opening = .quarantined(quarantined)
            try await becomesTrue("it leads") { nodes[0].leads(record) }
            await #expect(throws: BerthError.self) { try await nodes[0].client(record).execute("SELECT 1") }
            try await becomesTrue("it is written down") { catalogue.said(of: record).quarantined == quarantined }
            #expect(failures.withLock { $0 } < 0)
        }
    }

    /// A node, or its next process, takes leases of databases that were refused, among others.
    @Test func whatIsWrittenDownIsToldTheHostAheadOfTheFirstRequest() async throws {
        let bad = try await placed("bad", on: "node-a"), worse = try await placed("worse", on: "node-a"), good = try await placed("good", on: "node-a")
        let ofBad = Quarantined(reason: "it crashed", remaining: .seconds(30), refusals: 1)
        // Its time is over, and it is still known that nobody should be beside it.
        let ofWorse = Quarantined(reason: "it took too much memory", remaining: .seconds(-10), refusals: 3)
        catalogue.quarantine(bad, ofBad)
        catalogue.quarantine(worse, ofWorse)
        try await withNodes("node-a") { nodes, faults in
            try await becomesTrue("it leads") { [bad, worse, good].allSatisfy { nodes[0].leads($0) } }
            #expect(Set(faults[0].calls) == [Self.call(bad, ofBad), Self.call(worse, ofWorse)])
            for record in [bad, worse, good] { try await nodes[0].client(record).execute("SELECT 1") }
            #expect(faults[0].calls.count == 5 && faults[0].calls.prefix(2).allSatisfy { $0.hasPrefix("remember") })
        }
    }

    /// What one node found goes with the database to the next, which opens it at once: it had traffic.
    @Test func aMoveTakesTheQuarantineWithIt() async throws {
        let record = try await placed("db", on: "node-a")
        try await withNodes("node-a", "node-b") { nodes, faults in
            let (a, b) = (nodes[0], nodes[1])
            try await becomesTrue("it leads") { a.leads(record) }
            let quarantined = Quarantined(reason: "it crashed", remaining: .seconds(60), refusals: 1)
            faults[0].opening = .quarantined(quarantined)
            await #expect(throws: BerthError.self) { try await a.client(record).execute("SELECT 1") }
            try await becomesTrue("it is written down") { catalogue.said(of: record).quarantined == quarantined }
            catalogue.place(record, on: b.name)
            try await becomesTrue("the other leads") { b.leads(record) && !a.leads(record) }
            try await becomesTrue("it is opened there") { faults[1].calls.contains("open \(record.name)") }
            #expect(faults[1].calls.first == Self.call(record, quarantined), "\(faults[1].calls)")
        }
    }
}
