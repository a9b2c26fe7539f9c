import BerthTestKit
import FleetModel
import FleetStore
import Leases
import Testing

/// Rule 12 with what Postgres says of itself.
@Suite(.timeLimit(.minutes(1)))
struct GenerationTests {
    private func opening(_ store: PostgresLeaseStore) async throws -> String? {
        let session = try LeaseFixture.session("node-1")
        do throws(LeaseStoreError) { try await store.openSession(session) } catch {
            guard case .generationChanged(let difference) = error else { throw error }
            return difference
        }
        return nil
    }

    @Test func theGenerationIsTheServersOwn() async throws {
        let stage = try await LeaseStage()
        let row = try await stage.observer.query(
            """
            select g.system_identifier, g.timeline, f.system_identifier as recorded, f.timeline as recorded_timeline,
                   (select system_identifier::text from pg_control_system()) as control,
                   (select timeline_id::bigint from pg_control_checkpoint()) as control_timeline
            from berth_store_generation() g, fleet f
            """)[0]
        #expect(try row.string("system_identifier") == row.string("control"))
        #expect(try row.int64("timeline") == row.int64("control_timeline"))
        #expect(try row.string("recorded") == row.string("control"))
        #expect(try row.int64("recorded_timeline") == row.int64("timeline"))
    }

    /// A restored copy: the same rows on another server, or the same server on a later timeline.
    @Test(arguments: ["timeline = timeline + 1", "system_identifier = '1'"])
    func aFleetOfAnotherGenerationOpensNothing(_ change: String) async throws {
        let stage = try await LeaseStage()
        let before = try await stage.session()
        try await stage.observer.script("update fleet set \(change)")
        let difference = try #require(try await opening(stage.store))
        #expect(difference.contains("system") && difference.contains("timeline"))
        // A session that was recorded on this very server goes on; one that was recorded under another does not.
        #expect(try await stage.store.renew(before) == .renewed)
        try await stage.observer.script("update sessions set \(change)")
        #expect(try await stage.store.renew(before) == .refused(.generationChanged))
    }
}
