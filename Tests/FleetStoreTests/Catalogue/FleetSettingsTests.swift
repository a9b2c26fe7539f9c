import BerthTestKit
import FleetModel
import FleetStore
import Foundation
import Leases
import Testing

/// What every process of a fleet must agree on, and how it is changed while they run.
@Suite(.timeLimit(.minutes(2)))
struct FleetSettingsTests {
    private func program(_ name: String, format: Int) -> ProgramVersion { ProgramVersion(name: name, protocol: 1, format: format) }

    private func open(_ stage: CatalogueStage, _ node: String, ttl: Duration = .seconds(5), format: Int = 1) async throws -> SessionID {
        var session = try LeaseFixture.session(node)
        session.timing = LeaseTiming(ttl: ttl)
        session.program = program("9.\(format)", format: format)
        try await stage.leases.openSession(session)
        return session.id
    }

    @Test func aNewFleetHasTheDefaults() async throws {
        let stage = try await CatalogueStage()
        let status = try await stage.catalogue.fleetStatus()
        #expect(status.settings == FleetSettings(leaseTTL: .seconds(5), writeFormat: 1))
        #expect(status.sessionsOfAnotherTTL == 0 && status.readableFormat == nil)
    }

    /// Rule 1: a change of the fleet's TTL changes no session.
    @Test func aSessionKeepsTheTTLItWasOpenedWith() async throws {
        let stage = try await CatalogueStage()
        let session = try await open(stage, "node-1")
        let (before, after) = try await stage.catalogue.setFleet(leaseTTL: .seconds(60))
        #expect(before.leaseTTL == .seconds(5) && after.leaseTTL == .seconds(60))
        #expect(try await stage.leases.renew(session) == .renewed)
        #expect(try await stage.leases.liveSessions().map(\.ttl) == [.seconds(5)])
        #expect(try await stage.catalogue.fleetStatus().sessionsOfAnotherTTL == 1)
        #expect(try await stage.catalogue.longestLeaseTTL() == .seconds(60))
        _ = try await stage.catalogue.setFleet(leaseTTL: .seconds(1))
        #expect(try await stage.catalogue.longestLeaseTTL() == .seconds(5))
        try await stage.end(session)
        #expect(try await stage.catalogue.fleetStatus().sessionsOfAnotherTTL == 0)
    }

    /// A program from before the column says nothing of its TTL, which may have been any: nobody ends its session too early.
    @Test func aSessionOfAProgramThatDoesNotTellIsGivenTheLongestTime() async throws {
        let stage = try await CatalogueStage()
        _ = try await stage.database.connection().query("""
            insert into sessions (id, node, role, address, system_identifier, timeline)
            select gen_random_uuid(), 'old', 'node', 'http://old:1', system_identifier, timeline from fleet
            """)
        #expect(try await stage.leases.liveSessions().map(\.ttl) == [.milliseconds(FleetSettings.leaseTTLMilliseconds.upperBound)])
    }

    @Test func onlyAFleetNobodyHasJoinedTakesItsFirstTTL() async throws {
        let stage = try await CatalogueStage()
        #expect(try await stage.catalogue.setFirstLeaseTTL(.seconds(2)))
        #expect(try await stage.catalogue.fleetSettings().leaseTTL == .seconds(2))
        let session = try await open(stage, "node-1")
        try await stage.end(session)
        #expect(try await !stage.catalogue.setFirstLeaseTTL(.seconds(3)))
        #expect(try await stage.catalogue.fleetSettings().leaseTTL == .seconds(2))
    }

    @Test(arguments: [Duration.milliseconds(499), .milliseconds(600_001), .zero])
    func aTTLThatCannotBeIsRefused(ttl: Duration) async throws {
        let stage = try await CatalogueStage()
        #expect(try await berthErrorCode { try await stage.catalogue.setFleet(leaseTTL: ttl) } == .invalidArgument)
    }

    /// Any node may have to take over what another one wrote.
    @Test func aFormatIsWrittenOnlyWhenEveryLiveNodeReadsIt() async throws {
        let stage = try await CatalogueStage()
        #expect(try await berthErrorCode { try await stage.catalogue.setFleet(writeFormat: 2) } == .writeFormatRefused)
        let old = try await open(stage, "old"), new = try await open(stage, "new", format: 2)
        #expect(try await stage.catalogue.fleetStatus().readableFormat == 1)
        do {
            _ = try await stage.catalogue.setFleet(leaseTTL: .seconds(9), writeFormat: 2)
            Issue.record("a node that reads format 1 lives")
        } catch let error {
            #expect(error.code == .writeFormatRefused && error.message.contains("old") && !error.message.contains("new,"))
        }
        // All or nothing.
        #expect(try await stage.catalogue.fleetSettings() == FleetSettings(leaseTTL: .seconds(5), writeFormat: 1))
        try await stage.end(old)
        #expect(try await stage.catalogue.setFleet(writeFormat: 2).after.writeFormat == 2)
        #expect(try await stage.leases.renew(new) == .renewed)

        // From now on an older program does not take part; a step back is always possible, and lets it in again.
        await #expect(throws: LeaseStoreError.self) { _ = try await self.open(stage, "old") }
        do { _ = try await open(stage, "old") } catch let error as LeaseStoreError {
            #expect(error.asBerthError.code == .programTooOld)
        }
        #expect(try await stage.catalogue.setFleet(writeFormat: 1).after.writeFormat == 1)
        _ = try await open(stage, "old")
    }

    /// Both look at the fleet's row: whichever is first, no older node lives under the newer format.
    @Test func anOlderNodeThatJoinsAndANewerFormatExcludeEachOther() async throws {
        for round in 0..<20 {
            let stage = try await CatalogueStage()
            _ = try await open(stage, "new", format: 2)
            let other = stage.database.leaseStore()
            var late = try LeaseFixture.session("late")
            late.program = program("9.1", format: 1)
            let joining = late
            async let joined: Bool = { do { try await other.openSession(joining); return true } catch { return false } }()
            async let raised: Bool = { do { _ = try await stage.catalogue.setFleet(writeFormat: 2); return true } catch { return false } }()
            let (isIn, isRaised) = (await joined, await raised)
            #expect(isIn != isRaised, "round \(round)")
        }
    }

    @Test func nodesTellWhatTheyRun() async throws {
        let stage = try await CatalogueStage()
        let session = try await open(stage, "node-1", format: 3)
        #expect(try await stage.catalogue.nodes().map(\.program) == [program("9.3", format: 3)])
        try await stage.end(session)
        #expect(try await stage.catalogue.nodes().map(\.program) == [nil])
    }
}
