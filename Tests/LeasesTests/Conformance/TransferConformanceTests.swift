import BerthTestKit
import Changesets
import FleetModel
import Leases
import Testing

/// Rules 7, 8 and 9: how a holder gives a lease away, or its own past up.
@Suite(.timeLimit(.minutes(2)))
struct TransferConformanceTests {
    /// What a transfer or release must match, each broken alone.
    enum Mismatch: CaseIterable {
        case session, olderEpoch, newerEpoch, seqBehind, seqAhead, database

        func applied(to claim: LeaseClaim) -> LeaseClaim {
            var claim = claim
            switch self {
            case .session: break
            case .olderEpoch: claim.epoch = Epoch(claim.epoch.value - 1)
            case .newerEpoch: claim.epoch = claim.epoch.next
            case .seqBehind: claim.headSeq -= 1
            case .seqAhead: claim.headSeq += 1
            case .database: claim.database = .random()
            }
            return claim
        }
    }

    /// A lease with a published changeset.
    private func publishedLease(_ stage: Stage, heldBy session: SessionID) async throws -> Lease {
        let lease = try await stage.lease(heldBy: session)
        #expect(try await stage.publish(.next(on: lease), by: session) == [lease.database])
        return try await stage.row(lease.database)
    }

    @Test(arguments: StoreKind.allCases)
    func aTransferMovesTheLeaseInOneStep(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let (old, new) = (try await stage.session(), try await stage.session("node-2"))
        let lease = try await publishedLease(stage, heldBy: old)
        let copy = CopyID.random()
        #expect(try await stage.store.transfer(lease.claim, from: old, to: new, copy: copy))
        var expected = lease
        expected.session = new
        expected.epoch = lease.epoch.next
        expected.inSync = [copy]
        expected.configVersion += 1
        #expect(try await stage.row(lease.database) == expected)

        // The former holder is fenced, the new one goes on from the head.
        #expect(try await stage.publish(.next(on: lease), by: old) == [])
        #expect(try await stage.publish(.next(on: expected), by: new) == [lease.database])
        // A second time finds nothing; back again without a copy leaves none in sync.
        #expect(try await !stage.store.transfer(lease.claim, from: old, to: new, copy: copy))
        let now = try await stage.row(lease.database)
        #expect(try await stage.store.transfer(now.claim, from: new, to: old, copy: nil))
        let back = try await stage.row(lease.database)
        #expect(back.session == old && back.epoch == now.epoch.next && back.head == now.head)
        #expect(back.inSync.isEmpty && back.configVersion == now.configVersion + 1)
    }

    @Test(arguments: StoreKind.allCases, Mismatch.allCases)
    func aTransferThatDoesNotMatchChangesNothing(_ kind: StoreKind, _ mismatch: Mismatch) async throws {
        let stage = try await Stage(kind)
        let (holder, other) = (try await stage.session(), try await stage.session("node-2"))
        let lease = try await publishedLease(stage, heldBy: holder)
        #expect(
            try await !stage.store.transfer(
                mismatch.applied(to: lease.claim), from: mismatch == .session ? other : holder, to: other,
                copy: .random()))
        #expect(try await stage.row(lease.database) == lease)
    }

    @Test(arguments: StoreKind.allCases)
    func nobodyDeadOrDoomedIsASuccessor(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let (holder, ended, revoked) = (
            try await stage.session(), try await stage.session("node-2"), try await stage.session("node-3")
        )
        let lease = try await publishedLease(stage, heldBy: holder)
        try await stage.end(ended)
        try await stage.store.revokeSession(revoked)
        for successor in [ended, revoked, .random()] {
            #expect(try await !stage.store.transfer(lease.claim, from: holder, to: successor, copy: .random()))
        }
        #expect(try await stage.row(lease.database) == lease)
    }

    @Test(arguments: StoreKind.allCases)
    func aReleasedLeaseKeepsItsHistory(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let session = try await stage.session()
        let lease = try await publishedLease(stage, heldBy: session)
        #expect(try await stage.store.release([lease.claim, lease.claim], by: session) == [lease.database])
        var expected = lease
        expected.session = nil
        #expect(try await stage.row(lease.database) == expected)
        #expect(try await stage.store.leases(heldBy: session).isEmpty)
        // Nothing of the holder's works any more.
        #expect(try await stage.store.release([lease.claim], by: session) == [])
        #expect(try await stage.publish(.next(on: lease), by: session) == [])
        #expect(try await stage.store.raiseEpoch(lease.database, from: lease.epoch, by: session) == nil)
        #expect(try await stage.row(lease.database) == expected)
    }

    @Test(arguments: StoreKind.allCases, Mismatch.allCases)
    func aReleaseThatDoesNotMatchChangesNothing(_ kind: StoreKind, _ mismatch: Mismatch) async throws {
        let stage = try await Stage(kind)
        let (holder, other) = (try await stage.session(), try await stage.session("node-2"))
        let lease = try await publishedLease(stage, heldBy: holder)
        let kept = try await publishedLease(stage, heldBy: holder)
        let by = mismatch == .session ? other : holder
        #expect(try await stage.store.release([mismatch.applied(to: lease.claim)], by: by) == [])
        #expect(try await stage.row(lease.database) == lease)
        // Of a batch the rest is released.
        let released = try await stage.store.release([mismatch.applied(to: lease.claim), kept.claim], by: by)
        #expect(released == (mismatch == .session ? [] : [kept.database]))
        #expect(try await stage.row(lease.database) == lease)
        #expect(try await stage.store.release([], by: holder) == [])
    }

    /// Trap 3: a release never touches the successor's lease.
    @Test(arguments: StoreKind.allCases)
    func aLateReleaseDoesNotReachTheSuccessor(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let (old, new) = (try await stage.session(), try await stage.session("node-2"))
        let lease = try await publishedLease(stage, heldBy: old)
        try await stage.end(old)
        let taken = try await stage.store.acquire([lease.database], for: new)
        #expect(try await stage.store.release([lease.claim], by: old) == [])
        #expect(try await stage.row(lease.database) == taken.first)
    }

    @Test(arguments: StoreKind.allCases)
    func raisingTheEpochMakesWhatWasSentBeforeImpossible(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let (session, other) = (try await stage.session(), try await stage.session("node-2"))
        let lease = try await publishedLease(stage, heldBy: session)
        var expected = lease
        expected.epoch = lease.epoch.next
        #expect(try await stage.store.raiseEpoch(lease.database, from: lease.epoch, by: session) == expected)
        #expect(try await stage.row(lease.database) == expected)

        #expect(try await stage.publish(.next(on: lease), by: session) == [])
        #expect(try await stage.store.release([lease.claim], by: session) == [])
        #expect(try await !stage.store.transfer(lease.claim, from: session, to: other, copy: nil))
        #expect(try await stage.store.raiseEpoch(lease.database, from: lease.epoch, by: session) == nil)
        #expect(try await stage.store.raiseEpoch(lease.database, from: expected.epoch, by: other) == nil)
        #expect(try await stage.store.raiseEpoch(.random(), from: expected.epoch, by: session) == nil)
        #expect(try await stage.row(lease.database) == expected)
        #expect(try await stage.publish(.next(on: expected), by: session) == [lease.database])
    }
}
