import BerthTestKit
import Engines
import FleetModel
import Leases
import Replication
import Synchronization
import Testing

@testable import EngineHost
@testable import WorkerNode

/// The process that has a database open ends: the lease is kept, the files are whole, and nothing acknowledged is lost.
@Suite(.timeLimit(.minutes(1)))
struct HostLossTests {
    private let stores: TestStores

    init() throws { stores = try TestStores() }

    private func withTenant(
        _ durability: Durability = .local, engines: EngineSet = EngineSet([SQLiteEngine()]), engine: EngineKind = .sqlite,
        _ body: (Tenant, TenantHost) async throws -> Void
    ) async throws {
        let record = try await stores.makeDatabase(engine: engine, durability: durability)
        try await TenantHost.with(stores, engines: engines) { host in
            let tenant = try await host.lead(record)
            try await tenant.client.execute("CREATE TABLE t (v TEXT)")
            try await becomesTrue("all is published") {
                stores.clock.advance(by: .milliseconds(100))
                return await tenant.allIsPublished
            }
            try await body(tenant, host)
        }
    }

    private func lose(_ host: TenantHost) async throws {
        let engineHost = try #require(host.environment.host as? ThreadHost)
        await engineHost.lose(because: "test")
    }

    /// Nothing is restored, nothing fails over, and what was never shipped is there and is shipped.
    @Test(arguments: [EngineKind.sqlite, .duckdb]) func whatWasAcknowledgedAndNotShippedIsServedAndShipped(engine: EngineKind) async throws {
        let engines = EngineSet([SQLiteEngine(), DuckDBEngine(library: try DuckDBLibrary.load())])
        try await withTenant(engines: engines, engine: engine) { tenant, host in
            let epoch = tenant.epoch
            await host.stopShipping()
            for round in 0..<3 {
                try await tenant.client.execute("INSERT INTO t VALUES ('\(round)')")
                try await lose(host)
                let answer = try await tenant.client.execute("SELECT v FROM t ORDER BY v")
                #expect(answer.firstColumn == (0...round).map { "\($0)" })
            }
            #expect(tenant.epoch == epoch)
            #expect(await !tenant.allIsPublished)
            let cut = try #require(await tenant.cut())
            #expect(tenant.head == cut.previous)
            await tenant.shipped(.published)
            #expect(tenant.head == cut.position)
            #expect(await tenant.allIsPublished)
        }
    }

    /// A changeset that is on its way when the host ends is the head afterwards, and the next one follows it.
    @Test(arguments: [ShipOutcome.published, .fenced]) func aChangesetUnderWayKeepsItsPlace(outcome: ShipOutcome) async throws {
        try await withTenant { tenant, host in
            await host.stopShipping()
            try await tenant.client.execute("INSERT INTO t VALUES ('cut')")
            let first = try #require(await tenant.cut())
            try await tenant.client.execute("INSERT INTO t VALUES ('later')")
            try await lose(host)
            #expect(try await tenant.client.execute("SELECT count(*) FROM t").firstColumn == ["2"])
            await tenant.shipped(outcome)
            guard outcome == .published else {
                #expect(await tenant.isLost)
                return
            }
            let next = try #require(await tenant.cut())
            #expect(next.previous == first.position)
            await tenant.shipped(.published)
            #expect(await tenant.allIsPublished)
        }
    }

    /// The process that leads it dies as well, before that changeset is published: what is in the files is gone on with from the published head.
    @Test func aCrashAfterItLosesNothingEither() async throws {
        try await withTenant { former, host in
            await host.stopShipping()
            try await former.client.execute("INSERT INTO t VALUES ('cut')")
            _ = try #require(await former.cut())
            try await lose(host)
            try await former.client.execute("INSERT INTO t VALUES ('later')")
            await former.abandon(reason: "crash")
            let tenant = try await host.find(former.record)
            let shipping = Task { await host.environment.shipper.run() }
            try await becomesTrue("it is served") {
                stores.clock.advance(by: .milliseconds(100))
                return (try? await tenant.client.execute("SELECT v FROM t ORDER BY v"))?.firstColumn == ["cut", "later"]
            }
            shipping.cancel()
            await shipping.value
        }
    }

    /// Whoever waits for the bucket with a commit that is in the files waits on.
    @Test func anAcknowledgementThatWaitsForTheBucketOutlivesTheHost() async throws {
        try await withTenant(.bucket) { tenant, host in
            let door = Latch()
            stores.objects.before { call in if call.operation == .put { await door.pass() } }
            let write = Task { try await tenant.client.execute("INSERT INTO t VALUES ('1')") }
            try await becomesTrue("it waits") {
                stores.clock.advance(by: .milliseconds(100))
                return await tenant.waitsForPublish
            }
            try await lose(host)
            door.open()
            try await becomesTrue("it is published") {
                stores.clock.advance(by: .milliseconds(100))
                return await tenant.allIsPublished
            }
            _ = try await write.value
            #expect(try await tenant.client.execute("SELECT v FROM t").firstColumn == ["1"])
        }
    }

    /// What only the host had is gone, and whoever held it is told so.
    @Test func openTransactionsEnd() async throws {
        try await withTenant { tenant, host in
            let baton = try await tenant.client.pipeline(nil, .execute("BEGIN"), .execute("INSERT INTO t VALUES ('1')")).baton
            try await lose(host)
            await #expect(throws: ErrorAnswer(code: "STREAM_EXPIRED", message: "")) {
                try await tenant.client.pipeline(baton, .execute("COMMIT"))
            }
            #expect(try await tenant.client.execute("SELECT count(*) FROM t").firstColumn == ["0"])
        }
    }

    /// Also one that nobody asks for anything.
    @Test func whatIsNotPublishedIsOpenedWithoutARequest() async throws {
        try await withTenant { tenant, host in
            try await tenant.client.execute("INSERT INTO t VALUES ('1')")
            try await lose(host)
            try await becomesTrue("it is published") {
                stores.clock.advance(by: .milliseconds(100))
                return await tenant.allIsPublished
            }
            #expect(try await stores.lease(of: tenant.record).head == tenant.head)
        }
    }

    /// What a process before left is not given up for that: it is published by the next attempt.
    @Test func whatAFormerProcessLeftOutlivesAHostThatEndsWhileItIsPublished() async throws {
        try await withTenant { former, host in
            await host.stopShipping()
            try await former.client.execute("INSERT INTO t VALUES ('left')")
            await former.abandon(reason: "crash")
            let tenant = try await host.find(former.record)
            let answer = Task { try await tenant.client.execute("SELECT v FROM t") }
            try await becomesTrue("it is about to be published") { tenant.machine.withLock { $0.catchingUp != nil } }
            try await lose(host)
            await #expect(throws: BerthError.self) { try await answer.value }
            let shipping = Task { await host.environment.shipper.run() }
            try await becomesTrue("it is served") {
                stores.clock.advance(by: .milliseconds(100))
                return (try? await tenant.client.execute("SELECT v FROM t"))?.firstColumn == ["left"]
            }
            #expect(await tenant.allIsPublished)
            shipping.cancel()
            await shipping.value
        }
    }

    /// What ends the hosts of this node would end those of the next.
    @Test func whatIsQuarantinedDoesNotWander() async throws {
        let record = try await stores.makeDatabase(), faults = FaultyHost.Faults()
        try await TenantHost.with(stores, wrapping: { FaultyHost(base: $0, faults: faults) }) { host in
            let tenant = try await host.lead(record)
            faults.opening = .quarantined(Quarantined(reason: "it ends hosts", remaining: .seconds(60), refusals: 1))
            let error = await #expect(throws: BerthError.self) { try await tenant.client.execute("SELECT 1") }
            #expect(error?.code == .quarantined && (error?.retryAfter ?? 0) > 59)
            stores.clock.advance(by: .seconds(60))
            #expect(await tenant.prepareGivingUp(after: .seconds(30)) == nil)
            faults.opening = nil
            #expect(try await tenant.client.execute("SELECT 1").firstColumn == ["1"])
        }
    }

    /// Where nothing can be made of the files any more, they are kept for whoever can.
    @Test func filesThatDoNotOpenAreSetAside() async throws {
        let record = try await stores.makeDatabase(), faults = FaultyHost.Faults()
        try await TenantHost.with(stores, wrapping: { FaultyHost(base: $0, faults: faults) }) { host in
            let tenant = try await host.lead(record)
            try await tenant.client.execute("CREATE TABLE t (v TEXT)")
            try await becomesTrue("all is published") {
                stores.clock.advance(by: .milliseconds(100))
                return await tenant.allIsPublished
            }
            await host.stopShipping()
            try await tenant.client.execute("INSERT INTO t VALUES ('only here')")
            faults.failNextOpening(with: .host(.engine(SQLError(code: "SQLITE_CORRUPT", message: "as the test wants it"))))
            await (host.environment.host as? FaultyHost)?.base.lose(because: "test")
            #expect(try await tenant.client.execute("SELECT count(*) FROM t").firstColumn == ["0"])
            let left = try SQLiteEngine().open("\(tenant.copy.directory)/aside/db", base: .empty)
            defer { left.close() }
            let found = try left.takeConnection().execute(SQLStatement("SELECT v FROM t"), limits: .unlimited)
            #expect(found.rows == [[.text("only here")]])
        }
    }

    /// It hands over what is in the files.
    @Test func aMoveAfterItPublishesFirst() async throws {
        try await withTenant { tenant, host in
            try await tenant.client.execute("INSERT INTO t VALUES ('1')")
            try await lose(host)
            let release = Task { await tenant.prepareRelease() }
            try await stores.whileTimePasses { #expect(await release.value != nil) }
            #expect(try await stores.lease(of: tenant.record).head == tenant.head)
            #expect(await tenant.allIsPublished)
        }
    }
}
