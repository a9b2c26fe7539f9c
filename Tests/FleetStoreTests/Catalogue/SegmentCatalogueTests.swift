import BerthTestKit
import Changesets
import FleetModel
import FleetStore
import Leases
import Testing

/// Where changesets lie, and which objects may go (rule 13).
@Suite(.timeLimit(.minutes(2)))
struct SegmentCatalogueTests {
    @Test func segmentsAreReadInTheOrderOfTheChain() async throws {
        let stage = try await CatalogueStage()
        let session = try await stage.node("node-1")
        let id = try await stage.ledDatabase("shop", on: "node-1", by: session)
        var lease = try #require(try await stage.leases.leases(of: [id]).first)
        var published: [Segment] = []
        for number in 0..<6 {
            var entry = LeaseFixture.next(on: lease, checksum: number == 3 ? .max : UInt64(number + 1))
            entry.compression = number % 2 == 0 ? .none : .zstd
            entry.offset = UInt64(number) << 40
            let publication = LeaseFixture.publication([entry], by: session)
            #expect(try await stage.leases.publish(publication) == [id])
            published.append(Segment(bundle: publication.bundle, entry: entry))
            lease.head = entry.endPosition
        }
        #expect(try await stage.catalogue.segments(of: id, after: 0, through: 6) == published)
        #expect(try await stage.catalogue.segments(of: id, after: 2, through: 4) == Array(published[2..<4]))
        #expect(try await stage.catalogue.segments(of: id, after: 6, through: 100).isEmpty)
        #expect(try await stage.catalogue.segments(of: .random(), after: 0, through: 6).isEmpty)
        #expect(try await stage.catalogue.checksum(of: id, at: 4) == .max)
        #expect(try await stage.catalogue.checksum(of: id, at: 7) == nil)
        #expect(try await stage.catalogue.checksum(of: .random(), at: 1) == nil)
        #expect(try await stage.catalogue.database(id)?.head == lease.head)
    }

    @Test func aTombstoneIsForWhatWasNotPublished() async throws {
        let stage = try await CatalogueStage()
        let term = try await stage.term()
        let session = try await stage.node("node-1")
        let id = try await stage.ledDatabase("shop", on: "node-1", by: session)
        let lease = try #require(try await stage.leases.leases(of: [id]).first)
        let publication = LeaseFixture.publication([LeaseFixture.next(on: lease)], by: session)
        #expect(try await stage.leases.publish(publication) == [id])
        let names = ["bundles/a", publication.bundle, "bundles/b"]
        #expect(try await Set(stage.catalogue.unpublished(names)) == ["bundles/a", "bundles/b"])
        // Asked for a published one all the same, it takes only the others; again and again.
        for _ in 0..<2 { #expect(try await Set(stage.catalogue.tombstone(names, under: term)) == ["bundles/a", "bundles/b"]) }
        #expect(try await Set(stage.catalogue.unpublished(names)) == ["bundles/a", "bundles/b"])
        #expect(try await stage.catalogue.segments(of: id, after: 0, through: 9).map(\.bundle) == [publication.bundle])
        #expect(try await stage.catalogue.tombstone([], under: term) == [])
    }

    @Test func sessionsAreSweptOnceAfterTheGrace() async throws {
        let stage = try await CatalogueStage()
        let stale = try await stage.staleTerm()
        let (live, old, new) = (try await stage.node("live"), try await stage.node("old"), try await stage.node("new"))
        try await stage.end(new)
        try await stage.end(old)
        let connection = stage.database.connection()
        _ = try await connection.query("update sessions set ended_at = ended_at - interval '1 hour' where id = $1", [.id(old)])
        func unswept(_ grace: Duration, limit: Int = 10) async throws -> [SessionID] {
            try await stage.catalogue.unsweptSessions(grace: grace, limit: limit).map(\.session)
        }
        // Managers, whose sessions have ended as well, store nothing.
        #expect(try await unswept(.zero) == [old, new])
        #expect(try await unswept(.zero, limit: 1) == [old])
        #expect(try await unswept(.seconds(1800)) == [old])
        #expect(try await unswept(.seconds(7200)).isEmpty)
        #expect(try await stage.catalogue.unsweptSessions(grace: .seconds(1800), limit: 1).map(\.node.description) == ["old"])

        // A manager that does not lead any more has deleted nothing, so it must not say so.
        try await stage.catalogue.markSwept(old, under: stale)
        #expect(try await unswept(.zero) == [old, new])
        let holder = try #require(try await stage.leases.leases(of: [.managerLease]).first)
        let term = ManagerTerm(session: try #require(holder.session), term: holder.epoch)
        try await stage.catalogue.markSwept(old, under: term)
        #expect(try await unswept(.zero) == [new])
        #expect(try await stage.leases.renew(live) == .renewed)
    }
}
