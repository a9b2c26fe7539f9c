import BerthTestKit
import FleetModel
import FleetStore
import Foundation
import Leases
import Testing

/// Renewals wait for nothing else their process does.
@Suite(.timeLimit(.minutes(2)))
struct RenewalTests {
    /// As restores do that decode, or anything else that computes for seconds.
    @Test func aSessionIsRenewedWhileEveryOtherThreadComputes() async throws {
        let database = try await FleetDatabase.make()
        let thread = RenewalThread()
        let renewals = PostgresConnection(url: database.url, applicationName: "renewals", executor: thread, logger: .silent)
        let keeper = SessionKeeper(
            session: NewSession(
                id: .random(), node: try NodeName("node-1"), role: .node, address: "http://node-1:1",
                timing: LeaseTiming(ttl: .milliseconds(900))),
            store: PostgresLeaseStore(renewals: renewals, work: database.connection()), clock: BootClock(), thread: thread, logger: .silent)
        try await keeper.open()
        let renewing = Task { await keeper.run() }
        try await becomesTrue("it renews") { try await database.leaseStore().liveSessions().first?.renewals ?? 0 >= 1 }
        // Four for each of the threads that Swift's tasks share: while these compute, no other task goes on.
        let computing = 4 * ProcessInfo.processInfo.activeProcessorCount
        let limit = ContinuousClock.now + .seconds(30)
        let sawRenewals = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<computing { group.addTask { Self.compute(until: 3, of: keeper.gate, within: limit) } }
            return await group.reduce(true) { $0 && $1 }
        }
        #expect(sawRenewals)
        renewing.cancel()
        #expect(await renewing.value == nil)
        #expect(try await database.leaseStore().liveSessions().first?.renewals ?? 0 >= 4)
        await renewals.close()
        thread.end()
    }

    /// Computes without a pause until `count` renewals went by.
    ///
    /// - Returns: whether they did before `limit`, which only a failing test reaches.
    private static func compute(until count: Int, of gate: SessionGate, within limit: ContinuousClock.Instant) -> Bool {
        var seen = 0, last = gate.renewalAge
        while seen < count {
            let age = gate.renewalAge
            if age < last { seen += 1 }
            last = age
            if ContinuousClock.now > limit { return false }
        }
        return true
    }
}
