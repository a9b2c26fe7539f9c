import BerthTestKit
import EngineHost
import FleetModel
import Testing

@testable import WorkerNode

/// The one watch over everything that can expire.
@Suite(.timeLimit(.minutes(1)))
struct AttentionTests {
    /// A lease that was lost and acquired anew: the former tenant has nothing left to watch, the present one has.
    @Test func aFormerTenantDoesNotTakeThePresentOneAlong() async throws {
        let stores = try TestStores()
        let record = try await stores.makeDatabase()
        try await TenantHost.with(stores) { host in
            let former = try await host.lead(record)
            try await former.client.execute("CREATE TABLE t (v)")
            try await becomesTrue("it is shipped") { await former.allIsPublished }
            let present = try await host.find(record)
            // Watched before the former one is found to need nothing.
            _ = try await former.client.pipeline(nil, .execute("BEGIN"))
            await former.abandon(reason: "test")
            _ = try await present.client.pipeline(nil, .execute("BEGIN"))
            host.environment.attention.insert(former)
            try await becomesTrue("the stream of the present one expires") {
                stores.clock.advance(by: .seconds(1))
                return await present.isAtRest
            }
        }
    }

    @Test func nothingToWatchCostsNoTimer() async throws {
        let stores = try TestStores()
        let record = try await stores.makeDatabase()
        try await TenantHost.with(stores) { host in
            let tenant = try await host.lead(record)
            let stream = try await tenant.client.pipeline(nil, .execute("BEGIN"))
            try await becomesTrue("it is watched") { stores.clock.sleepers == 1 }
            _ = try await tenant.client.pipeline(stream.baton, .close)
            try await becomesTrue("nobody watches any more") {
                stores.clock.advance(by: .milliseconds(100))
                return stores.clock.sleepers == 0
            }
        }
    }
}
