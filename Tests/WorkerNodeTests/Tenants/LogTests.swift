import BerthTestKit
import Engines
import FleetModel
import FleetStore
import Foundation
import Leases
import Replication
import Testing

@testable import EngineHost
@testable import WorkerNode

/// What is published opens, whatever was done to the schema, and however the files were closed.
@Suite(.timeLimit(.minutes(1)))
struct LogTests {
    private let stores: TestStores

    init() throws { stores = try TestStores() }

    /// DuckDB 2.0.0 cannot replay the log of these.
    private static let history = [
        "CREATE SCHEMA s", "CREATE TYPE s.size AS ENUM ('small', 'large')", "CREATE TABLE s.t (v VARCHAR)", "INSERT INTO s.t VALUES ('small')",
        "ALTER TABLE s.t ALTER v SET DATA TYPE s.size USING v::s.size",
    ]

    private func withTenant(
        _ settings: TenantSettings = TenantSettings(), _ body: (Tenant, TenantHost, TenantHost) async throws -> Void
    ) async throws {
        let record = try await stores.makeDatabase(engine: .duckdb)
        let engines = EngineSet([DuckDBEngine(library: try DuckDBLibrary.load())])
        try await TenantHost.with(stores, settings: settings, engines: engines) { host in
            try await TenantHost.with(stores, node: "node-b", settings: settings, engines: engines) { other in
                try await body(try await host.lead(record), host, other)
            }
        }
    }

    private func run(_ statements: [String], on tenant: Tenant) async throws {
        for statement in statements { try await tenant.client.execute(statement) }
    }

    private func expectServed(by tenant: Tenant, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let found = try await tenant.client.execute("SELECT v FROM s.t").firstColumn
        #expect(found == ["small"], sourceLocation: sourceLocation)
    }

    /// The published state alone, as after the loss of the node.
    @Test func whatIsShippedAfterAChangeOfTheSchemaOpens() async throws {
        try await withTenant { tenant, _, _ in
            try await stores.whileTimePasses {
                for statement in Self.history {
                    try await tenant.client.execute(statement)
                    try await becomesTrue("it is shipped") { await tenant.allIsPublished }
                }
            }
            let copy = LocalCopy(database: tenant.database, in: stores.disk.path + "/lost")
            let engine = try tenant.engine.get()
            _ = try await tenant.environment.restorer.bring(copy, to: try await stores.lease(of: tenant.record).head, by: engine)
            try engine.verify(copy.filePath)
        }
    }

    /// A transaction that is open elsewhere puts the checkpoint off, until it ends; no further commit is needed.
    @Test func whatAnOpenTransactionPutOffIsShippedAfterItsEnd() async throws {
        try await withTenant { tenant, _, _ in
            try await stores.whileTimePasses {
                let open = try await tenant.client.pipeline(nil, .execute("BEGIN"), .execute("SELECT 1"))
                try await run(Self.history, on: tenant)
                try await becomesTrue("it is shipped") { await tenant.allIsPublished }
                #expect(await tenant.owesCheckpoint)
                _ = try await tenant.client.pipeline(open.baton, .execute("ROLLBACK"), .close)
                try await becomesTrue("the checkpoint is shipped") { await tenant.isFoldedAndPublished }
            }
            let copy = LocalCopy(database: tenant.database, in: stores.disk.path + "/lost")
            let engine = try tenant.engine.get()
            _ = try await tenant.environment.restorer.bring(copy, to: try await stores.lease(of: tenant.record).head, by: engine)
            try engine.verify(copy.filePath)
        }
    }

    /// Also plain rows: the successor has nothing to replay.
    @Test func aHandoverLeavesNothingInTheLog() async throws {
        try await withTenant { tenant, _, other in
            try await stores.whileTimePasses {
                try await run(Self.history, on: tenant)
                try await becomesTrue("it is shipped") { await tenant.allIsPublished }
                try await run(["CREATE TABLE u (a INTEGER)", "INSERT INTO u VALUES (1)"], on: tenant)
                #expect(await tenant.handOver(to: other.session.id, copy: nil) == .transferred)
            }
            let successor = try await other.find(tenant.record)
            try await expectServed(by: successor)
            #expect(await successor.hasNothingToReplay)
            try await stores.verifyChain(of: tenant.record)
        }
    }

    @Test func anIdleDatabaseIsClosedWithAnEmptyLogThatIsPublished() async throws {
        try await withTenant { tenant, _, other in
            try await stores.whileTimePasses {
                try await run(Self.history + ["INSERT INTO s.t VALUES ('large')", "DELETE FROM s.t WHERE v = 'large'"], on: tenant)
                try await becomesTrue("it is closed") {
                    await tenant.closeIfIdle(before: stores.clock.now() + .seconds(1))
                    return await !tenant.isServingNow
                }
            }
            let head = try await stores.lease(of: tenant.record).head
            #expect(try tenant.copy.mark()?.position == head)
            try await expectServed(by: tenant)
            #expect(await tenant.hasNothingToReplay)
        }
    }

    /// A checkpoint right behind the last changeset leaves no log on the node, and one in what is published.
    @Test(arguments: [true, false]) func aCheckpointBehindTheLastChangesetIsPublishedBeforeClosing(isHandover: Bool) async throws {
        var settings = TenantSettings()
        settings.checkpointBytes = 1
        try await withTenant(settings) { tenant, _, other in
            try await stores.whileTimePasses {
                try await run(["CREATE TABLE u (a INTEGER)"], on: tenant)
                try await becomesTrue("it is shipped") { await tenant.allIsPublished }
                try await run(["INSERT INTO u VALUES (1)"], on: tenant)
                try await becomesTrue("it is shipped") { await tenant.allIsPublished }
                #expect(await tenant.hasNothingToReplay)
                if isHandover {
                    #expect(await tenant.handOver(to: other.session.id, copy: nil) == .transferred)
                } else {
                    try await becomesTrue("it is closed") {
                        await tenant.closeIfIdle(before: stores.clock.now() + .seconds(1))
                        return await !tenant.isServingNow
                    }
                }
            }
            let head = try await stores.lease(of: tenant.record).head
            #expect(try tenant.copy.mark()?.position == head)
            let copy = LocalCopy(database: tenant.database, in: stores.disk.path + "/lost")
            let engine = try tenant.engine.get()
            _ = try await tenant.environment.restorer.bring(copy, to: head, by: engine)
            let log = (try? FileManager.default.attributesOfItem(atPath: copy.filePath + ".wal"))?[.size] as? Int
            #expect(log ?? 0 == 0)
        }
    }
}

extension Tenant {
    fileprivate nonisolated var owesCheckpoint: Bool { get async { await opened?.owesCheckpoint ?? false } }
    fileprivate nonisolated var hasNothingToReplay: Bool { get async { await opened?.hasNothingToReplay ?? false } }
    fileprivate nonisolated var isFoldedAndPublished: Bool {
        get async {
            guard await !owesCheckpoint else { return false }
            return await allIsPublished
        }
    }
}

extension OpenDatabase {
    fileprivate var hasNothingToReplay: Bool {
        if case .open(let database) = state { !database.hasLogToReplay } else { false }
    }
}
