import BerthTestKit
import FleetModel
import Foundation
import Testing

@testable import WorkerNode

/// Many rows in one request: all of them or none, acknowledged like every other write.
@Suite(.timeLimit(.minutes(1)))
struct LoadTests {
    private func withTenant(
        durability: Durability = .local, _ body: (DataClient, Tenant, TestStores) async throws -> Void
    ) async throws {
        let stores = try TestStores()
        let record = try await stores.makeDatabase(durability: durability)
        try await TenantHost.with(stores) { host in
            let tenant = try await host.lead(record)
            async let created = tenant.client.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT DEFAULT 'none', c REAL)")
            try await becomesTrue("the table is published") {
                stores.clock.advance(by: .milliseconds(50))
                return await tenant.hasServedAll
            }
            _ = try await created
            try await body(tenant.client, tenant, stores)
        }
    }

    private func rows(_ client: DataClient) async throws -> [[String]] {
        try await client.execute("SELECT a, b, c FROM t ORDER BY a").texts
    }

    @Test func rowsBecomeWhatTheirColumnsMakeOfThem() async throws {
        try await withTenant { client, _, _ in
            let count = try await client.load("table=t", "a,b,c\n1,x,2.5\n2,,\n3,\"\",4\n")
            #expect(count == 3)
            #expect(try await client.load("table=t&columns=a&header=false", "10\n11\n") == 2)
            #expect(try await client.load("table=t&format=ndjson", #"{"c":7,"a":20}"#) == 1)
            #expect(
                try await rows(client) == [
                    ["1", "x", "2.5"], ["2", "null", "null"], ["3", "", "4.0"], ["10", "none", "null"], ["11", "none", "null"],
                    ["20", "none", "7.0"],
                ])
        }
    }

    @Test func oneBadRowAndNothingIsLoaded() async throws {
        try await withTenant { client, tenant, _ in
            let many = (1...5000).map { "\($0),x,1" }.joined(separator: "\n")
            // Far behind the first rows that were handed to the engine.
            await #expect(throws: ErrorAnswer(code: "SQLITE_CONSTRAINT_PRIMARYKEY", message: "")) {
                try await client.load("table=t", "a,b,c\n\(many)\n77,again,1\n")
            }
            let malformed = await #expect(throws: BerthError.self) { try await client.load("table=t", "a,b,c\n\(many)\n1,2\n") }
            #expect(malformed?.code == .malformedRequest && malformed?.message.hasPrefix("Line 5002:") == true)
            for table in ["nothing", "sqlite_master", "t;DROP TABLE t", "t\"--"] {
                let encoded = table.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
                await #expect(throws: ErrorAnswer.self) { try await client.load("table=\(encoded)", "a\n1\n") }
            }
            await #expect(throws: ErrorAnswer(code: "LOAD_TARGET_UNKNOWN", message: "")) { try await client.load("table=t", "a,zz\n1,2\n") }
            let left = try await rows(client)
            #expect(left.isEmpty)
            #expect(await tenant.isAtRest)
        }
    }

    @Test func readersMayNot() async throws {
        try await withTenant { client, tenant, _ in
            await #expect(throws: ErrorAnswer(code: "BLOCKED", message: "")) { try await client.reading.load("table=t", "a\n1\n") }
            let left = try await rows(client)
            #expect(left.isEmpty)
            #expect(await tenant.isAtRest)
        }
    }

    @Test func itWaitsForItsTurnAndForTheBucket() async throws {
        try await withTenant(durability: .bucket) { client, tenant, stores in
            let door = Latch()
            stores.objects.before { call in if call.operation == .put { await door.pass() } }
            let loading = Task { try await client.load("table=t", "a\n1\n2\n") }
            try await becomesTrue("it waits") { await tenant.waitsForPublish }
            door.open()
            try await becomesTrue("it is published") {
                stores.clock.advance(by: .milliseconds(50))
                return await tenant.allIsPublished
            }
            #expect(try await loading.value == 2)
        }
    }
}
