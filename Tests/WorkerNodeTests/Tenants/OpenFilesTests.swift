import BerthTestKit
import EngineHost
import Engines
import FleetModel
import Synchronization
import Testing

@testable import WorkerNode

/// What a process may open bounds the databases that are open, and not those that are led.
@Suite(.timeLimit(.minutes(1)))
struct OpenFilesTests {
    private let stores: TestStores

    init() throws { stores = try TestStores() }

    /// Room for two SQLite databases and one connection more.
    private static let limit = 10

    private func databases(_ count: Int, _ host: TenantHost) async throws -> [Tenant] {
        var tenants: [Tenant] = []
        for _ in 0..<count { tenants.append(try await host.lead(try await stores.makeDatabase())) }
        return tenants
    }

    /// - Returns: the baton of a stream with a transaction.
    private func begin(_ tenant: Tenant) async throws -> String {
        try #require(try await tenant.client.pipeline(nil, .execute("BEGIN")).baton)
    }

    @Test func manyDatabasesAreServedInTurn() async throws {
        try await TenantHost.with(stores, openFiles: Self.limit) { host in
            let tenants = try await databases(7, host)
            try await stores.whileTimePasses {
                for round in 0..<3 {
                    for tenant in tenants {
                        _ = try await eventually("CREATE TABLE IF NOT EXISTS t (v)", tenant)
                        _ = try await eventually("INSERT INTO t VALUES (\(round))", tenant)
                        #expect(host.environment.host.descriptors.taken <= Self.limit)
                        #expect(tenants.count { $0.isOpen } <= 2)
                    }
                }
                for tenant in tenants { #expect(try await eventually("SELECT count(*) FROM t", tenant) == ["3"]) }
            }
        }
    }

    /// What is not published yet is not closed, and until it is there may be no room.
    private func eventually(_ sql: String, _ tenant: Tenant) async throws -> [String] {
        var answer: StatementAnswer?
        try await becomesTrue("there is room") {
            do { answer = try await tenant.client.execute(sql) } catch let error as BerthError {
                #expect(error.code == .tooManyOpenDatabases && error.retryAfter == 1, "\(error)")
            }
            return answer != nil
        }
        return try #require(answer).firstColumn
    }

    @Test func theLongestUnusedMakesRoom() async throws {
        try await TenantHost.with(stores, openFiles: Self.limit) { host in
            let tenants = try await databases(3, host)
            for tenant in [tenants[0], tenants[1], tenants[0], tenants[2]] {
                stores.clock.advance(by: .milliseconds(1))
                try await tenant.client.execute("SELECT 1")
            }
            #expect(tenants.map { $0.isOpen } == [true, false, true])
        }
    }

    /// Nothing that is in use is closed: whoever comes then is told so, and served as soon as there is room.
    @Test func whereAllAreUsedTheNextIsRefused() async throws {
        try await TenantHost.with(stores, openFiles: Self.limit) { host in
            let tenants = try await databases(3, host)
            var batons: [String] = []
            for tenant in tenants[..<2] { batons.append(try await begin(tenant)) }
            let error = await #expect(throws: BerthError.self) { try await tenants[2].client.execute("SELECT 1") }
            #expect(error?.code == .tooManyOpenDatabases && error?.retryAfter == 1)
            // Inside what is open there is room for one connection more, and for no second.
            #expect(host.environment.host.descriptors.taken == 8)
            let further = try await begin(tenants[0])
            #expect(host.environment.host.descriptors.taken == 10)
            let refused = await #expect(throws: ErrorAnswer.self) { try await tenants[1].client.execute("SELECT 1") }
            #expect(refused?.code == "TOO_MANY_OPEN_FILES")
            for (tenant, baton) in [(tenants[0], batons[0]), (tenants[1], batons[1]), (tenants[0], further)] {
                _ = try await tenant.client.pipeline(baton, .close)
            }
            try await tenants[2].client.execute("SELECT 1")
            #expect(host.environment.host.descriptors.taken <= Self.limit)
        }
    }

    @Test func nothingStaysCountedOfWhatIsClosedOrCouldNotBeOpened() async throws {
        try await TenantHost.with(stores, engines: EngineSet([PickyEngine()]), openFiles: Self.limit) { host in
            let tenants = try await databases(2, host)
            try await tenants[0].client.execute("SELECT 1")
            #expect(host.environment.host.descriptors.taken == 4)
            await tenants[0].abandon(reason: "test")
            await host.environment.closing.waitForAll()
            #expect(host.environment.host.descriptors.taken == 0)
            // Closed, it does not open any more.
            try await tenants[1].client.execute("CREATE TABLE poison (v)")
            try await stores.whileTimePasses {
                try await becomesTrue("it is closed") { await tenants[1].closeIfIdle(before: .seconds(1_000_000)) }
            }
            #expect(host.environment.host.descriptors.taken == 0)
            let error = await #expect(throws: BerthError.self) { try await tenants[1].client.execute("SELECT 1") }
            #expect(error?.code == .databaseUnopenable)
            #expect(host.environment.host.descriptors.taken == 0)
        }
    }
}
