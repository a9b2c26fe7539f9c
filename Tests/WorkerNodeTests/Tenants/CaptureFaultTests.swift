import BerthTestKit
import FleetModel
import Foundation
import Testing

@testable import Engines
@testable import WorkerNode

/// Captures that fail: what is committed on this disk is given up only when it cannot be read any more.
@Suite(.timeLimit(.minutes(1)))
struct CaptureFaultTests {
    private let stores: TestStores
    private let engine = CaptureFaultEngine()

    init() throws { stores = try TestStores() }

    private func withTenant(_ body: (DataClient, Tenant) async throws -> Void) async throws {
        let record = try await stores.makeDatabase()
        try await TenantHost.with(stores, engines: EngineSet([engine])) { host in
            let tenant = try await host.lead(record)
            try await tenant.client.execute("CREATE TABLE t (v)")
            try await settle(tenant)
            try await body(tenant.client, tenant)
        }
    }

    private func settle(_ tenant: Tenant) async throws {
        try await becomesTrue("all is published") {
            stores.clock.advance(by: .milliseconds(100))
            return await tenant.allIsPublished
        }
    }

    private func wants(_ error: Int32) -> CaptureError { .file(FileFailure("open", "db-wal", errno: error)) }

    @Test(arguments: [EMFILE, ENFILE, ENOMEM, EINTR, EIO, ENOSPC])
    func wantOfSomethingIsWaitedOut(error: Int32) async throws {
        try await withTenant { client, tenant in
            let (life, head) = await (tenant.life, tenant.head)
            engine.faults.add(wants(error), times: 5)
            try await client.execute("INSERT INTO t VALUES (1)")
            try await settle(tenant)
            #expect(engine.faults.areOver)
            #expect(await tenant.life == life, "nothing was given up")
            #expect(tenant.head.seq == head.seq + 1)
            #expect(try await client.execute("SELECT v FROM t").firstColumn == ["1"])
        }
    }

    @Test func writesArePushedBackWhileNothingCanBeCaptured() async throws {
        try await withTenant { client, tenant in
            engine.faults.add(wants(EMFILE), times: 1_000)
            try await client.execute("INSERT INTO t VALUES (1)")
            try await becomesTrue("it is behind, and not for want of the lane") {
                stores.clock.advance(by: .milliseconds(100))
                return tenant.bucketLag > TenantSettings().maximumShipLag
            }
            let refused = await #expect(throws: BerthError.self) { try await client.execute("INSERT INTO t VALUES (2)") }
            #expect(refused?.code == .shipLagExceeded)
            #expect(try await client.execute("SELECT v FROM t").firstColumn == ["1"], "reads go on")
        }
    }

    /// The files are there and sound: all of them are captured, and nothing is taken back.
    @Test func aLogThatIsNotTheOneKnownIsCapturedWhole() async throws {
        try await withTenant { client, tenant in
            let life = await tenant.life
            for error in [CaptureError.walReplaced(path: "db-wal"), .walShortened(path: "db-wal")] {
                engine.faults.add(error)
                try await client.execute("INSERT INTO t VALUES (1)")
                try await settle(tenant)
            }
            #expect(await tenant.life == life)
            #expect(try await client.execute("SELECT count(*) FROM t").firstColumn == ["2"])
            try await stores.verifyChain(of: tenant.record)
        }
    }

    /// A client's checkpoint comes between, again and again: nothing acknowledged is given up for that.
    @Test func filesThatChangeWhileTheyAreReadAreReadAgain() async throws {
        try await withTenant { client, tenant in
            let life = await tenant.life
            engine.faults.add(.changedMeanwhile(path: "db"), times: 5)
            try await client.execute("INSERT INTO t VALUES (1)")
            try await settle(tenant)
            #expect(engine.faults.areOver)
            #expect(await tenant.life == life)
            #expect(try await client.execute("SELECT v FROM t").firstColumn == ["1"])
            try await stores.verifyChain(of: tenant.record)
        }
    }

    /// Also while the whole of it is captured, want is waited out.
    @Test func wantDuringAFullCaptureIsWaitedOut() async throws {
        try await withTenant { client, tenant in
            let life = await tenant.life
            engine.faults.add(.walReplaced(path: "db-wal"))
            engine.faults.add(wants(EMFILE), times: 3)
            try await client.execute("INSERT INTO t VALUES (1)")
            try await settle(tenant)
            #expect(engine.faults.areOver)
            #expect(await tenant.life == life)
            #expect(try await client.execute("SELECT v FROM t").firstColumn == ["1"])
        }
    }
}
