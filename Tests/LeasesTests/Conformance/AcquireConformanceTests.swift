import BerthTestKit
import Changesets
import FleetModel
import Leases
import Testing

/// Rule 4: who gets a lease.
@Suite(.timeLimit(.minutes(2)))
struct AcquireConformanceTests {
    @Test(arguments: StoreKind.allCases)
    func aNewLeaseIsHeldFromEpochOne(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let session = try await stage.session()
        let free = try await stage.freeLease()
        #expect(free == Lease(database: free.database))
        let acquired = try await stage.store.acquire([free.database], for: session)
        #expect(acquired == [Lease(database: free.database, session: session, epoch: Epoch(1))])
        #expect(try await stage.row(free.database) == acquired.first)
    }

    @Test(arguments: StoreKind.allCases)
    func theSuccessorOfAnEndedSessionGetsTheHead(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let (first, second) = (try await stage.session(), try await stage.session("node-2"))
        let lease = try await stage.lease(heldBy: first)
        let entry = BundleEntry.next(on: lease)
        #expect(try await stage.publish(entry, by: first) == [lease.database])
        try await stage.end(first)
        var expected = lease
        expected.session = second
        expected.epoch = Epoch(2)
        expected.head = entry.endPosition
        #expect(try await stage.store.acquire([lease.database], for: second) == [expected])
    }

    @Test(arguments: StoreKind.allCases)
    func nothingIsTakenFromALiveSession(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let (holder, other) = (try await stage.session(), try await stage.session("node-2"))
        let lease = try await stage.lease(heldBy: holder)
        #expect(try await stage.store.acquire([lease.database], for: other).isEmpty)
        // Not by the holder either: its epoch stays.
        #expect(try await stage.store.acquire([lease.database], for: holder).isEmpty)
        try await stage.store.revokeSession(holder)
        #expect(try await stage.store.acquire([lease.database], for: other).isEmpty)
        #expect(try await stage.row(lease.database) == lease)
    }

    @Test(arguments: StoreKind.allCases)
    func aReleasedLeaseIsTakenInTheNextEpoch(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let session = try await stage.session()
        var lease = try await stage.lease(heldBy: session)
        for epoch in 2...5 {
            #expect(try await stage.store.release([lease.claim], by: session) == [lease.database])
            lease = try #require(try await stage.store.acquire([lease.database], for: session).first)
            #expect(lease.epoch == Epoch(Int64(epoch)))
        }
    }

    @Test(arguments: StoreKind.allCases)
    func anEndedRevokedOrUnknownSessionAcquiresNothing(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let (ended, revoked) = (try await stage.session(), try await stage.session("node-2"))
        let lease = try await stage.freeLease()
        try await stage.end(ended)
        try await stage.store.revokeSession(revoked)
        for session in [ended, revoked, .random()] {
            #expect(try await stage.store.acquire([lease.database], for: session).isEmpty)
        }
        #expect(try await stage.row(lease.database) == lease)
    }

    @Test(arguments: StoreKind.allCases)
    func aBatchTakesWhatItMay(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let (dead, live, own) = (
            try await stage.session(), try await stage.session("node-2"), try await stage.session("node-3")
        )
        let (ofDead, ofLive, free) = (
            try await stage.lease(heldBy: dead), try await stage.lease(heldBy: live), try await stage.freeLease()
        )
        try await stage.end(dead)
        let unknown = DatabaseID.random()
        let asked = [free, ofLive, ofDead, free, ofDead].map(\.database) + [unknown, unknown]
        let acquired = try await stage.store.acquire(asked, for: own)
        #expect(Set(acquired.map(\.database)) == [ofDead.database, free.database])
        #expect(acquired.count == 2)
        for lease in acquired {
            #expect(lease.session == own)
            #expect(lease.epoch == (lease.database == free.database ? Epoch(1) : Epoch(2)))
        }
        #expect(try await stage.row(ofLive.database) == ofLive)
        #expect(try await stage.store.leases(of: [unknown]).isEmpty)
        #expect(try await stage.store.acquire([], for: own).isEmpty)
    }

    @Test(arguments: StoreKind.allCases)
    func readingShowsEachLeaseOnce(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let (one, two) = (try await stage.session(), try await stage.session("node-2"))
        let held = [try await stage.lease(heldBy: one), try await stage.lease(heldBy: one)].sorted { $0.database < $1.database }
        let other = try await stage.lease(heldBy: two)
        let free = try await stage.freeLease()
        #expect(try await stage.store.leases(heldBy: one) == held)
        #expect(try await stage.store.leases(heldBy: two) == [other])
        #expect(try await stage.store.leases(heldBy: .random()).isEmpty)
        let all = (held + [other, free]).sorted { $0.database < $1.database }
        #expect(try await stage.store.leases(of: (all + all).map(\.database)) == all)
        // An ended session still shows what nobody took from it.
        try await stage.end(two)
        #expect(try await stage.store.leases(heldBy: two) == [other])
    }

    @Test(arguments: StoreKind.allCases)
    func creatingALeaseAgainChangesNothing(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let session = try await stage.session()
        let lease = try await stage.lease(heldBy: session)
        let new = DatabaseID.random()
        try await stage.store.createLeases([lease.database, new])
        try await stage.store.createLeases([])
        #expect(try await stage.row(lease.database) == lease)
        #expect(try await stage.row(new) == Lease(database: new))
    }
}
