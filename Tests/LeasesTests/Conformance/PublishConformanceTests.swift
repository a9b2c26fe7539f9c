import BerthTestKit
import Changesets
import FleetModel
import Leases
import Testing

/// Rules 6 and 13: how a head advances.
@Suite(.timeLimit(.minutes(2)))
struct PublishConformanceTests {
    @Test(arguments: StoreKind.allCases)
    func aPublishAdvancesTheHeadAndRecordsTheSegment(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let session = try await stage.session()
        var lease = try await stage.lease(heldBy: session)
        var published: [BundleEntry] = []
        // Both halves of an unsigned number survive.
        for checksum: UInt64 in [.max, 1, 1 << 63, (1 << 63) - 1] {
            let entry = BundleEntry.next(
                of: lease.database, epoch: lease.epoch, after: lease.head, checksum: checksum)
            #expect(try await stage.publish(entry, by: session) == [lease.database])
            lease.head = entry.endPosition
            #expect(try await stage.row(lease.database) == lease)
            published.append(entry)
        }
        #expect(try await stage.under.segments(of: lease.database) == published)
    }

    @Test(arguments: StoreKind.allCases)
    func oneEntryMayStandForSeveralChangesets(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let session = try await stage.session()
        var lease = try await stage.lease(heldBy: session)
        var entry = BundleEntry.next(on: lease)
        entry.lastSeq = 9
        #expect(try await stage.publish(entry, by: session) == [lease.database])
        lease.head = try await stage.row(lease.database).head
        #expect(lease.head == entry.endPosition)
        #expect(try await stage.publish(.next(on: lease), by: session) == [lease.database])
        #expect(try await stage.row(lease.database).head.seq == 10)
    }

    /// What a publish must match, each broken alone.
    enum Mismatch: CaseIterable {
        case session, olderEpoch, newerEpoch, seqBehind, seqAhead, checksum

        func applied(to entry: BundleEntry) -> BundleEntry {
            var entry = entry
            switch self {
            case .session: break
            case .olderEpoch: entry.epoch = Epoch(entry.epoch.value - 1)
            case .newerEpoch: entry.epoch = entry.epoch.next
            case .seqBehind: (entry.firstSeq, entry.lastSeq) = (entry.firstSeq - 1, entry.lastSeq - 1)
            case .seqAhead: (entry.firstSeq, entry.lastSeq) = (entry.firstSeq + 1, entry.lastSeq + 1)
            case .checksum: entry.previousChecksum ^= 1
            }
            return entry
        }
    }

    @Test(arguments: StoreKind.allCases, Mismatch.allCases)
    func aPublishThatDoesNotMatchChangesNothing(_ kind: StoreKind, _ mismatch: Mismatch) async throws {
        let stage = try await Stage(kind)
        let (session, other) = (try await stage.session(), try await stage.session("node-2"))
        // A lease with a history, so that no zero hides a comparison.
        var lease = try await stage.lease(heldBy: session)
        #expect(try await stage.store.release([lease.claim], by: session) == [lease.database])
        lease = try #require(try await stage.store.acquire([lease.database], for: session).first)
        for _ in 0..<2 {
            try await stage.publish(.next(on: lease), by: session)
            lease = try await stage.row(lease.database)
        }
        let right = BundleEntry.next(on: lease)
        let bundle = "bundles/one"
        let wrong = Publication.test(mismatch == .session ? other : session, [mismatch.applied(to: right)], bundle: bundle)
        #expect(try await stage.store.publish(wrong) == [])
        #expect(try await stage.row(lease.database) == lease)
        #expect(try await stage.under.segments(of: lease.database).count == 2)
        // Nothing was recorded, the name neither.
        #expect(try await stage.store.publish(.test(session, [right], bundle: bundle)) == [lease.database])
    }

    @Test(arguments: StoreKind.allCases)
    func ofABundleOnlyWhatMatchesIsPublished(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let (session, other) = (try await stage.session(), try await stage.session("node-2"))
        let (good, fenced, alsoGood) = (
            try await stage.lease(heldBy: session), try await stage.lease(heldBy: other), try await stage.lease(heldBy: session)
        )
        let unknown = BundleEntry.next(of: .random(), epoch: Epoch(1), after: .origin)
        let entries = [good, fenced, alsoGood].map(BundleEntry.next(on:))
        let published = try await stage.publish(entries[0], unknown, entries[1], entries[2], by: session)
        #expect(published == [good.database, alsoGood.database])
        #expect(try await stage.row(good.database).head == entries[0].endPosition)
        #expect(try await stage.row(fenced.database) == fenced)
        #expect(try await stage.row(alsoGood.database).head == entries[2].endPosition)
        #expect(try await stage.under.segments(of: good.database) == [entries[0]])
        #expect(try await stage.under.segments(of: fenced.database).isEmpty)
        #expect(try await stage.under.segments(of: unknown.database).isEmpty)
        #expect(try await stage.store.publish(.test(session, [])) == [])
    }

    /// Rule 9: an identical retry answers for a lost reply.
    @Test(arguments: StoreKind.allCases)
    func anIdenticalRetryAfterSuccessChangesNothing(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let session = try await stage.session()
        let leases = [try await stage.lease(heldBy: session), try await stage.lease(heldBy: session)]
        let publication = Publication.test(session, leases.map(BundleEntry.next(on:)))
        #expect(try await stage.store.publish(publication) == Set(leases.map(\.database)))
        let rows = try await stage.store.leases(of: leases.map(\.database))
        for _ in 0..<2 { #expect(try await stage.store.publish(publication) == []) }
        #expect(try await stage.store.leases(of: leases.map(\.database)) == rows)
        for lease in leases { #expect(try await stage.under.segments(of: lease.database).count == 1) }
    }

    @Test(arguments: StoreKind.allCases)
    func anIdenticalRetryAfterAFailureSucceeds(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let session = try await stage.session()
        let lease = try await stage.lease(heldBy: session)
        let first = BundleEntry.next(on: lease)
        let second = Publication.test(
            session, [.next(of: lease.database, epoch: lease.epoch, after: first.endPosition)])
        #expect(try await stage.store.publish(second) == [])
        #expect(try await stage.publish(first, by: session) == [lease.database])
        #expect(try await stage.store.publish(second) == [lease.database])
        #expect(try await stage.row(lease.database).head == second.entries[0].endPosition)
    }

    @Test(arguments: StoreKind.allCases)
    func aSweptNameIsNeverPublished(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let session = try await stage.session()
        let lease = try await stage.lease(heldBy: session)
        let swept = Publication.test(session, [.next(on: lease)])
        #expect(try await stage.under.tombstone(swept.bundle))
        for _ in 0..<2 {
            do throws(LeaseStoreError) {
                let published = try await stage.store.publish(swept)
                Issue.record("published \(published)")
            } catch {
                guard case .bundleSwept = error else { throw error }
            }
        }
        #expect(try await stage.row(lease.database) == lease)
        #expect(try await stage.under.segments(of: lease.database).isEmpty)
        // The same changeset under another name.
        #expect(try await stage.store.publish(.test(session, swept.entries)) == [lease.database])
    }

    @Test(arguments: StoreKind.allCases)
    func aPublishedNameIsNeverSwept(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let session = try await stage.session()
        let lease = try await stage.lease(heldBy: session)
        let publication = Publication.test(session, [.next(on: lease)])
        #expect(try await stage.store.publish(publication) == [lease.database])
        #expect(try await !stage.under.tombstone(publication.bundle))
    }

    /// Rule 6: harmless while nobody took over, impossible afterwards.
    @Test(arguments: StoreKind.allCases)
    func anEndedSessionPublishesUntilItIsSuperseded(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let (old, new) = (try await stage.session(), try await stage.session("node-2"))
        var lease = try await stage.lease(heldBy: old)
        try await stage.end(old)
        let late = BundleEntry.next(on: lease)
        #expect(try await stage.publish(late, by: old) == [lease.database])

        let taken = try #require(try await stage.store.acquire([lease.database], for: new).first)
        #expect(taken.head == late.endPosition)
        lease.head = late.endPosition
        #expect(try await stage.publish(.next(on: lease), by: old) == [])
        #expect(try await stage.row(lease.database) == taken)
        #expect(try await stage.publish(.next(on: taken), by: new) == [lease.database])
    }
}
