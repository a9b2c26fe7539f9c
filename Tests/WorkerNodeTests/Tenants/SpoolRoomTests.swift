import BerthTestKit
import EngineHost
import FleetModel
import Foundation
import ObjectStores
import Replication
import Testing

@testable import WorkerNode

/// Large changesets, while there is no room for all of them in the spool folder.
@Suite(.timeLimit(.minutes(2))) struct SpoolRoomTests {
    private let stores: TestStores

    init() throws { stores = try TestStores() }

    private func settle(_ tenants: [Tenant]) async throws {
        try await becomesTrue("all is published") {
            stores.clock.advance(by: .milliseconds(100))
            for tenant in tenants where await !tenant.allIsPublished { return false }
            return true
        }
    }

    private static let large = "INSERT INTO t VALUES (hex(randomblob(400000)))"

    /// The bucket is away: the first has its room, the second waits for it, and what is small passes both.
    @Test func aLargeChangesetWaitsForRoomAndNobodyElseForIt() async throws {
        var settings = TenantSettings()
        settings.changesetMemoryBytes = 256 << 10
        settings.maximumShipLag = .seconds(100_000)
        let spoolBytes: UInt64 = 5 << 20
        try await TenantHost.with(stores, settings: settings, spoolBytes: spoolBytes) { host in
            var tenants: [Tenant] = []
            for _ in 0..<4 {
                let tenant = try await host.lead(try await stores.makeDatabase(durability: .local))
                try await tenant.client.execute("CREATE TABLE t (v)")
                tenants.append(tenant)
            }
            try await settle(tenants)
            let isAway = Latch()
            stores.objects.before { call in if call.operation == .put { await isAway.pass() } }
            for tenant in tenants[..<3] { try await tenant.client.execute(Self.large) }
            // One has been cut, and has the room; two wait.
            try await becomesTrue("one is on its way") {
                stores.clock.advance(by: .milliseconds(100))
                return isAway.arrivals == 1
            }
            let folder = stores.disk.path + "/node-a/spool"
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count <= 2, "a changeset, and its bundle")
            #expect(host.environment.spoolBudget.taken > 1 << 20 && host.environment.spoolBudget.taken <= spoolBytes)
            try await tenants[3].client.execute("INSERT INTO t VALUES ('small')")
            try await becomesTrue("what is small is stored as well") {
                stores.clock.advance(by: .milliseconds(100))
                return isAway.arrivals == 2
            }
            // They serve on meanwhile.
            for tenant in tenants[..<3] { try await tenant.client.execute("INSERT INTO t VALUES ('more')") }
            isAway.open()
            try await settle(tenants)
            try await becomesTrue("all of it is given back") { host.environment.spoolBudget.taken == 0 }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
            for tenant in tenants { try await stores.verifyChain(of: tenant.record) }
            for tenant in tenants[..<3] { #expect(try await tenant.client.execute("SELECT count(*) FROM t").firstColumn == ["2"]) }
        }
    }

    /// It gets everything there is.
    @Test func aChangesetThatIsLargerThanTheSpoolIsShippedAlone() async throws {
        var settings = TenantSettings()
        settings.changesetMemoryBytes = 64 << 10
        try await TenantHost.with(stores, settings: settings, spoolBytes: 100_000) { host in
            let tenant = try await host.lead(try await stores.makeDatabase(durability: .local))
            try await tenant.client.execute("CREATE TABLE t (v)")
            for _ in 0..<3 { try await tenant.client.execute(Self.large) }
            try await settle([tenant])
            try await becomesTrue("all of it is given back") { host.environment.spoolBudget.taken == 0 }
            try await stores.verifyChain(of: tenant.record)
        }
    }
}
