import BerthTestKit
import Changesets
import FleetModel
import Leases
import Logging
import ObjectStores
import Replication
import Testing

/// A shipper with its stores and a clock that stands still.
struct ShipperFixture {
    let clock = ManualClock()
    let leases = HookedLeaseStore()
    let objects = HookedObjectStore(MemoryStore())
    let session: NewSession
    let shipper: Shipper
    let settings: ShipperSettings

    init(_ given: ShipperSettings = ShipperSettings()) async throws {
        var settings = given
        // A time that nothing else takes: who sleeps for so long waits for those that were asked.
        settings.cutPatience = .microseconds(37_037)
        self.settings = settings
        session = NewSession(id: .random(), node: try NodeName("node-a"), role: .node, address: "http://127.0.0.1:1")
        shipper = Shipper(
            session: session, objects: objects, leases: leases, settings: settings, clock: clock, logger: .quiet)
        try await leases.openSession(session)
    }

    /// Runs `body` beside the shipper, and ends the shipper after it.
    func shipping<Value>(_ body: () async throws -> Value) async throws -> Value {
        let running = Task { await shipper.run() }
        do {
            let value = try await body()
            running.cancel()
            await running.value
            return value
        } catch {
            running.cancel()
            await running.value
            throw error
        }
    }

    /// Databases whose leases this node holds.
    func sources(_ count: Int, pages: Int = 1) async throws -> [FakeSource] {
        let databases = (0..<count).map { _ in DatabaseID.timeOrdered() }
        try await leases.createLeases(databases)
        return try await leases.acquire(databases, for: session.id).enumerated().map { index, lease in
            FakeSource(lease.database, epoch: lease.epoch, pages: pages, shipper: shipper, seed: UInt64(index))
        }
    }

    func source(pages: Int = 1) async throws -> FakeSource { try #require(try await sources(1, pages: pages).first) }

    /// Ends this node's session and gives `database` to another.
    func loseLease(of database: DatabaseID) async throws {
        let other = NewSession(id: .random(), node: try NodeName("node-b"), role: .node, address: "")
        try await leases.base.openSession(other)
        let lease = try #require(try await leases.base.leases(of: [database]).first)
        #expect(
            try await leases.base.transfer(
                LeaseClaim(database: database, epoch: lease.epoch, headSeq: lease.head.seq), from: session.id, to: other.id,
                copy: nil))
    }

    func head(of database: DatabaseID) async throws -> ChainPosition {
        try #require(try await leases.base.leases(of: [database]).first).head
    }

    /// Somebody sleeps, and not only until those that were just asked have answered.
    func somebodySleeps() async throws {
        try await becomesTrue("somebody sleeps") { clock.nextDeadline.map { $0 - clock.now() != settings.cutPatience } ?? false }
    }

    /// Those that were asked are waited for no longer.
    func passPatience() async throws {
        try await becomesTrue("somebody waits for those that were asked") { clock.nextDeadline == clock.now() + settings.cutPatience }
        clock.advance(by: settings.cutPatience)
    }

    /// The next round begins.
    func passInterval() { clock.advance(by: settings.interval) }

    /// Waits for a retry that sleeps, and lets its time pass.
    ///
    /// - Returns: how long it slept.
    @discardableResult
    func passRetryDelay() async throws -> Duration {
        try await somebodySleeps()
        let delay = try #require(clock.nextDeadline) - clock.now()
        clock.advance(by: delay)
        return delay
    }
}

extension Logger {
    /// Says nothing.
    static var quiet: Logger { Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }) }
}
