import BerthTestKit
import Changesets
import FleetModel
import FleetStore
import Leases
import Testing

/// The races of leases.md, “In Postgres”, each made certain with locks: READ COMMITTED looks again only at the row it locks.
@Suite(.timeLimit(.minutes(3)))
struct LeaseRaceTests {
    private let lockLease = "select 1 from leases where database = $1 for update"
    private let lockSession = "select 1 from sessions where id = $1 for update"

    @Test func ofTwoAcquirersTheFirstWins() async throws {
        let stage = try await LeaseStage()
        let (dead, one, two) = (try await stage.session(), try await stage.session("node-2"), try await stage.session("node-3"))
        let lease = try await stage.lease(heldBy: dead)
        try await stage.end(dead)
        let (first, second) = try await HeldRow(stage).queue(
            lockLease, [.id(lease.database)],
            first: { try await $0.acquire([lease.database], for: one) },
            second: { try await $0.acquire([lease.database], for: two) })
        #expect(first.map(\.session) == [one] && first.map(\.epoch) == [Epoch(2)])
        #expect(second.isEmpty)
        #expect(try await stage.row(lease.database) == first.first)
    }

    /// The counter-example of leases.md: whoever asks “is there no live session?” does not see one that was opened after
    /// its snapshot, and steals from it.
    @Test func aHolderNewerThanTheSnapshotKeepsItsLease() async throws {
        let stage = try await LeaseStage()
        let (dead, thief) = (try await stage.session(), try await stage.session("node-2"))
        let lease = try await stage.lease(heldBy: dead)
        try await stage.end(dead)
        let race = HeldRow(stage)
        let (attempt, holder) = try await race.hold(lockLease, [.id(lease.database)]) { transaction in
            let store = stage.database.leaseStore("thief")
            let attempt = Task { try await store.acquire([lease.database], for: thief) }
            try await race.waits("thief")
            // Opened only now; the rightful acquisition is done by the transaction that holds the row.
            let holder = try await stage.session("node-3")
            _ = try await transaction.query(
                "update leases set session = $2, epoch = epoch + 1 where database = $1", [.id(lease.database), .id(holder)])
            return (attempt, holder)
        }
        #expect(try await attempt.value.isEmpty)
        let row = try await stage.row(lease.database)
        #expect(row.session == holder && row.epoch == Epoch(2))
    }

    /// The same by way of a transfer: the row read was of an ended session, the row locked is of a live one.
    @Test func aSuccessorByTransferKeepsItsLease() async throws {
        let stage = try await LeaseStage()
        let (old, successor, thief) = (
            try await stage.session(), try await stage.session("node-2"), try await stage.session("node-3")
        )
        let lease = try await stage.lease(heldBy: old)
        try await stage.end(old)
        let (moved, stolen) = try await HeldRow(stage).queue(
            lockLease, [.id(lease.database)],
            first: { try await $0.transfer(lease.claim, from: old, to: successor, copy: .random()) },
            second: { try await $0.acquire([lease.database], for: thief) })
        #expect(moved)
        #expect(stolen.isEmpty)
        #expect(try await stage.row(lease.database).session == successor)
    }

    @Test func aLiveHolderIsNotRobbedWhateverItDoesMeanwhile() async throws {
        let stage = try await LeaseStage()
        let (holder, other, third) = (
            try await stage.session(), try await stage.session("node-2"), try await stage.session("node-3")
        )
        let lease = try await stage.lease(heldBy: holder)
        // It renews, and even ends, while they wait: they saw it alive and get nothing.
        for ends in [false, true] {
            let (first, second) = try await HeldRow(stage).queue(
                lockLease, [.id(lease.database)],
                first: { try await $0.acquire([lease.database], for: other) },
                second: { try await $0.acquire([lease.database], for: third) },
                meanwhile: {
                    #expect(try await stage.store.renew(holder) == .renewed)
                    if ends { try await stage.end(holder) }
                })
            #expect(first.isEmpty && second.isEmpty)
            #expect(try await stage.row(lease.database) == lease)
        }
        #expect(try await stage.store.acquire([lease.database], for: other).map(\.epoch) == [Epoch(2)])
    }

    @Test func anAcquisitionAfterAReleaseStartsFromWhatWasReleased() async throws {
        let stage = try await LeaseStage()
        let (holder, other) = (try await stage.session(), try await stage.session("node-2"))
        let lease = try await stage.lease(heldBy: holder)
        let (released, acquired) = try await HeldRow(stage).queue(
            lockLease, [.id(lease.database)],
            first: { try await $0.release([lease.claim], by: holder) },
            second: { try await $0.acquire([lease.database], for: other) })
        #expect(released == [lease.database])
        let row = try await stage.row(lease.database)
        // Taken or left to the next attempt, but never half.
        #expect(row.session == (acquired.isEmpty ? nil : other))
        #expect(row.epoch == (acquired.isEmpty ? Epoch(1) : Epoch(2)))
        #expect(acquired.isEmpty || acquired == [row])
    }

    // MARK: Publish and those who take the lease away

    @Test func aTakeoverBehindAPublishReturnsTheNewHead() async throws {
        let stage = try await LeaseStage()
        let (old, new) = (try await stage.session(), try await stage.session("node-2"))
        let lease = try await stage.lease(heldBy: old)
        try await stage.end(old)
        let entry = LeaseFixture.next(on: lease)
        let (published, acquired) = try await HeldRow(stage).queue(
            lockLease, [.id(lease.database)],
            first: { try await $0.publish(LeaseFixture.publication([entry], by: old)) },
            second: { try await $0.acquire([lease.database], for: new) })
        #expect(published == [lease.database])
        #expect(acquired.map(\.head) == [entry.endPosition])
        #expect(acquired.map(\.session) == [new])
        #expect(try await stage.row(lease.database) == acquired.first)
    }

    @Test func aPublishBehindATakeoverMatchesNothing() async throws {
        let stage = try await LeaseStage()
        let (old, new) = (try await stage.session(), try await stage.session("node-2"))
        let lease = try await stage.lease(heldBy: old)
        let untouched = try await stage.lease(heldBy: old)
        try await stage.end(old)
        let entries = [LeaseFixture.next(on: lease), LeaseFixture.next(on: untouched)]
        let (acquired, published) = try await HeldRow(stage).queue(
            lockLease, [.id(lease.database)],
            first: { try await $0.acquire([lease.database], for: new) },
            second: { try await $0.publish(LeaseFixture.publication(entries, by: old)) })
        #expect(acquired.map(\.head) == [.origin])
        // The other one of the bundle is still the old session's.
        #expect(published == [untouched.database])
        #expect(try await stage.row(lease.database) == acquired.first)
        #expect(try await stage.segmentCount(lease.database) == 0)
        #expect(try await stage.segmentCount(untouched.database) == 1)
    }

    enum Leaving: CaseIterable { case transfer, release, raise }

    @Test(arguments: Leaving.allCases, [true, false])
    func aPublishExcludesLeavingAndTheOtherWayRound(_ leaving: Leaving, _ publishIsFirst: Bool) async throws {
        let stage = try await LeaseStage()
        let (holder, successor) = (try await stage.session(), try await stage.session("node-2"))
        let lease = try await stage.lease(heldBy: holder)
        let entry = LeaseFixture.next(on: lease)
        let publish: @Sendable (PostgresLeaseStore) async throws -> Bool = {
            try await $0.publish(LeaseFixture.publication([entry], by: holder)) == [lease.database]
        }
        let leave: @Sendable (PostgresLeaseStore) async throws -> Bool = {
            switch leaving {
            case .transfer: try await $0.transfer(lease.claim, from: holder, to: successor, copy: .random())
            case .release: try await $0.release([lease.claim], by: holder) == [lease.database]
            case .raise: try await $0.raiseEpoch(lease.database, from: lease.epoch, by: holder) != nil
            }
        }
        let (first, second) = try await HeldRow(stage).queue(
            lockLease, [.id(lease.database)], first: publishIsFirst ? publish : leave, second: publishIsFirst ? leave : publish)
        #expect(first)
        // The epoch may be raised whatever the head.
        #expect(second == (publishIsFirst && leaving == .raise))
        let row = try await stage.row(lease.database)
        #expect(row.head == (publishIsFirst ? entry.endPosition : .origin))
        #expect(try await stage.segmentCount(lease.database) == (publishIsFirst ? 1 : 0))
    }

    @Test func ofTwoDifferentPublishesTheFirstAdvancesTheHead() async throws {
        let stage = try await LeaseStage()
        let holder = try await stage.session()
        let lease = try await stage.lease(heldBy: holder)
        let (one, two) = (LeaseFixture.next(on: lease), LeaseFixture.next(on: lease))
        let (first, second) = try await HeldRow(stage).queue(
            lockLease, [.id(lease.database)],
            first: { try await $0.publish(LeaseFixture.publication([one], by: holder)) },
            second: { try await $0.publish(LeaseFixture.publication([two], by: holder)) })
        #expect(first == [lease.database] && second == [])
        #expect(try await stage.row(lease.database).head == one.endPosition)
        #expect(try await stage.segmentCount(lease.database) == 1)
    }

    // MARK: Sessions

    @Test func anEndBehindARenewalFindsItRenewed() async throws {
        let stage = try await LeaseStage()
        let session = try await stage.session()
        let (renewal, ended) = try await HeldRow(stage).queue(
            lockSession, [.id(session)],
            first: { try await $0.renew(session) },
            second: { try await $0.endSession(session, seen: 0, reason: "test") })
        #expect(renewal == .renewed && !ended)
        #expect(try await stage.store.liveSessions().map(\.renewals) == [1])
    }

    @Test func aRenewalBehindAnEndIsRefused() async throws {
        let stage = try await LeaseStage()
        let session = try await stage.session()
        let (ended, renewal) = try await HeldRow(stage).queue(
            lockSession, [.id(session)],
            first: { try await $0.endSession(session, seen: 0, reason: "test") },
            second: { try await $0.renew(session) })
        #expect(ended && renewal == .refused(.ended))
    }

    @Test func aRenewalBehindARevocationIsRefused() async throws {
        let stage = try await LeaseStage()
        let session = try await stage.session()
        let (_, renewal) = try await HeldRow(stage).queue(
            lockSession, [.id(session)],
            first: { try await $0.revokeSession(session) },
            second: { try await $0.renew(session) })
        #expect(renewal == .refused(.revoked))
        #expect(try await stage.store.liveSessions().map(\.renewals) == [0])
    }

    /// A supervisor's end and the late opening of the same session wait for each other at the unique key.
    @Test func anOpeningBehindItsEndFails() async throws {
        let stage = try await LeaseStage()
        let session = try LeaseFixture.session("node-1")
        let race = HeldRow(stage)
        let opening = try await race.hold(
            """
            insert into sessions (id, node, role, address, system_identifier, timeline, ended_at)
            select $1, 'node-1', 'node', '', g.system_identifier, g.timeline, now() from berth_store_generation() g
            """, [.id(session.id)]
        ) { _ in
            let store = stage.database.leaseStore("opener")
            let opening = Task { () -> Bool in
                do throws(LeaseStoreError) { try await store.openSession(session) } catch {
                    if case .sessionEnded = error { return false }
                    throw error
                }
                return true
            }
            try await race.waits("opener")
            return opening
        }
        #expect(try await !opening.value)
        #expect(try await stage.store.liveSessions().isEmpty)
    }

    // MARK: Tombstones (rule 13)

    @Test func aPublishBehindATombstoneIsRefusedWhole() async throws {
        let stage = try await LeaseStage()
        let holder = try await stage.session()
        let lease = try await stage.lease(heldBy: holder)
        let publication = LeaseFixture.publication([LeaseFixture.next(on: lease)], by: holder)
        let race = HeldRow(stage)
        let publish = try await race.hold(
            "insert into bundles (name, bytes, entries, tombstone) values ($1, 0, 0, true)", [.text(publication.bundle)]
        ) { _ in
            let store = stage.database.leaseStore("publisher")
            let publish = Task { () -> Bool in
                do throws(LeaseStoreError) { _ = try await store.publish(publication) } catch {
                    if case .bundleSwept = error { return false }
                    throw error
                }
                return true
            }
            try await race.waits("publisher")
            return publish
        }
        #expect(try await !publish.value)
        #expect(try await stage.row(lease.database) == lease)
        #expect(try await stage.segmentCount(lease.database) == 0)
    }

    @Test func aTombstoneBehindAPublishFindsTheNameTaken() async throws {
        let stage = try await LeaseStage()
        let (holder, manager) = (try await stage.session(), try LeaseFixture.session("manager", role: .manager))
        try await stage.store.openSession(manager)
        let lead = try #require(try await stage.store.acquire([.managerLease], for: manager.id).first)
        let term = ManagerTerm(session: manager.id, term: lead.epoch)
        let lease = try await stage.lease(heldBy: holder)
        let publication = LeaseFixture.publication([LeaseFixture.next(on: lease)], by: holder)
        let race = HeldRow(stage)
        let sweeper = FleetCatalogue(
            pool: PostgresPool(url: stage.database.url, size: 1, applicationName: "sweeper", timeout: .seconds(60), logger: .silent))
        // The publish has taken its name and stops at its segment, whose key somebody else is about to insert, but does not.
        let (publish, tombstone) = try await race.hold(
            """
            with b as (insert into bundles (name, bytes, entries) values ('other', 0, 0) returning id)
            insert into segments select $1, 1, 0, 1, 1, 0, 0, 4096, b.id, 0, 0, 0, 0, 0, 0 from b
            """, [.id(lease.database)], rollsBack: true
        ) { _ in
            let store = stage.database.leaseStore("publisher")
            let publish = Task { try await store.publish(publication) }
            try await race.waits("publisher")
            let tombstone = Task { try await sweeper.tombstone([publication.bundle, "unpublished"], under: term) }
            try await race.waits("sweeper")
            return (publish, tombstone)
        }
        #expect(try await publish.value == [lease.database])
        #expect(try await tombstone.value == ["unpublished"])
        #expect(try await sweeper.unpublished([publication.bundle, "unpublished"]) == ["unpublished"])
    }
}
