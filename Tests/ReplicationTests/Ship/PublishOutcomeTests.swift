import BerthTestKit
import Changesets
import FleetModel
import Leases
import ObjectStores
import Replication
import Synchronization
import Testing

/// Rule 6 under failures: what was attempted, and what each source is told.
@Suite(.timeLimit(.minutes(1)))
struct PublishOutcomeTests {
    /// Lets the first `count` calls of a hook pass as failures.
    private final class Times: Sendable {
        private let left: Mutex<Int>
        init(_ count: Int) { left = Mutex(count) }
        func next() -> Bool {
            left.withLock { left in
                defer { left = max(0, left - 1) }
                return left > 0
            }
        }
    }

    private static let down = ObjectStoreError.unavailable(reason: "test", retryable: true)

    private func expectIdenticalAttempts(_ fixture: ShipperFixture, count: Int) {
        let attempts = fixture.leases.publications
        #expect(attempts.count == count)
        #expect(Set(attempts.map(\.bundle)).count == 1)
        #expect(attempts.allSatisfy { $0.entries == attempts[0].entries && $0.bytes == attempts[0].bytes })
    }

    @Test func aStoreThatIsDownIsTriedAgainWithTheSameBytes() async throws {
        let fixture = try await ShipperFixture()
        let source = try await fixture.source()
        let failing = Times(8)
        fixture.objects.before { call in if call.operation == .put && failing.next() { throw Self.down } }
        source.commit()
        try await fixture.shipping {
            for attempt in 0..<8 {
                let nominal = min(Duration.milliseconds(50) * (1 << attempt), .seconds(1))
                let delay = try await fixture.passRetryDelay()
                #expect(delay <= nominal && delay >= nominal / 2)
            }
            try await becomesTrue("it is shipped") { source.outcomes == [.published] }
        }
        let puts = fixture.objects.calls.filter { $0.operation == .put }
        #expect(puts.count == 9)
        #expect(Set(puts.map(\.name)).count == 1)
        #expect(puts.allSatisfy { $0.bytes == puts[0].bytes })
        #expect(fixture.leases.publications.count == 1)
    }

    @Test func aPutWhoseReplyIsLostIsRecognized() async throws {
        let fixture = try await ShipperFixture()
        let source = try await fixture.source()
        let failing = Times(1)
        fixture.objects.after { call in if call.operation == .put && failing.next() { throw Self.down } }
        source.commit()
        try await fixture.shipping {
            try await fixture.passRetryDelay()
            try await becomesTrue("it is shipped") { source.outcomes == [.published] }
        }
        #expect(fixture.leases.publications.map(\.bundle) == fixture.objects.calls.prefix(1).map(\.name))
        #expect(try await fixture.objects.base.list(prefix: "", after: nil, limit: 10).count == 1)
    }

    @Test func anObjectOfSomebodyElseIsLeftAlone() async throws {
        let fixture = try await ShipperFixture()
        let source = try await fixture.source()
        let taken = BundleName(node: fixture.session.node, session: fixture.session.id, number: 1).description
        try await fixture.objects.base.put(taken, bytes: [1, 2, 3], condition: .createOnly)
        source.commit()
        try await fixture.shipping {
            try await fixture.passRetryDelay()
            try await becomesTrue("it is shipped under another name") { source.outcomes == [.published] }
        }
        #expect(try await fixture.objects.base.get(taken) == [1, 2, 3])
        let published = try #require(fixture.leases.publications.last)
        #expect(published.bundle != taken)
        try await expectStored(published, source.cuts[0], fixture)
    }

    @Test func aPublishThatFailsIsTriedAgainWithoutStoringAgain() async throws {
        let fixture = try await ShipperFixture()
        let sources = try await fixture.sources(3)
        let failing = Times(3)
        fixture.leases.before { call throws(LeaseStoreError) in
            if case .publish = call, failing.next() { throw .unavailable("test") }
        }
        for source in sources { source.commit() }
        try await fixture.shipping {
            for _ in 0..<3 { try await fixture.passRetryDelay() }
            try await becomesTrue("all are shipped") { sources.allSatisfy { $0.outcomes == [.published] } }
        }
        expectIdenticalAttempts(fixture, count: 4)
        #expect(fixture.objects.count(.put) == 1)
    }

    @Test func aPublishWhoseReplyIsLostIsNotDoneTwice() async throws {
        let fixture = try await ShipperFixture()
        let sources = try await fixture.sources(3)
        let failing = Times(1)
        fixture.leases.after { call throws(LeaseStoreError) in
            if case .publish = call, failing.next() { throw .outcomeUnknown("test") }
        }
        for source in sources { source.commit() }
        try await fixture.shipping {
            try await fixture.passRetryDelay()
            try await becomesTrue("all are told so") { sources.allSatisfy { $0.outcomes == [.published] } }
        }
        expectIdenticalAttempts(fixture, count: 2)
        for source in sources { #expect(fixture.leases.base.segments(of: source.database).count == 1) }
    }

    @Test func aPublishThatExecutesLateChangesNothing() async throws {
        let fixture = try await ShipperFixture()
        let source = try await fixture.source()
        let failing = Times(1)
        fixture.leases.before { call throws(LeaseStoreError) in
            if case .publish = call, failing.next() { throw .outcomeUnknown("test") }
        }
        source.commit()
        try await fixture.shipping {
            try await fixture.passRetryDelay()
            try await becomesTrue("it is shipped") { source.outcomes == [.published] }
            let late = try #require(fixture.leases.publications.first)
            #expect(try await fixture.leases.publishLate(late) == [])
            source.commit(urgent: true)
            try await becomesTrue("the next is shipped") { source.outcomes.count == 2 }
            #expect(try await fixture.leases.publishLate(late) == [])
        }
        #expect(fixture.leases.base.segments(of: source.database).map(\.lastSeq) == [1, 2])
    }

    @Test func aSweptBundleIsStoredAgainUnderAnotherName() async throws {
        let fixture = try await ShipperFixture()
        let sources = try await fixture.sources(2)
        let sweeping = Times(1)
        fixture.leases.before { [leases = fixture.leases, objects = fixture.objects] call throws(LeaseStoreError) in
            guard case .publish(let publication) = call, sweeping.next() else { return }
            #expect(leases.base.tombstone(bundle: publication.bundle))
            do { try await objects.base.delete([publication.bundle]) } catch { Issue.record(error) }
        }
        for source in sources { source.commit() }
        try await fixture.shipping {
            try await fixture.passRetryDelay()
            try await becomesTrue("both are shipped") { sources.allSatisfy { $0.outcomes == [.published] } }
        }
        let attempts = fixture.leases.publications
        #expect(attempts.count == 2 && attempts[0].bundle != attempts[1].bundle)
        // Immutable from the first attempt on.
        #expect(attempts[0].entries.map(\.checksum) == attempts[1].entries.map(\.checksum))
        for source in sources {
            #expect(source.cuts.count == 1)
            try await expectStored(attempts[1], source.cuts[0], fixture)
        }
    }

    @Test func fencedIsOnlyWhatAnotherHoldsAndOthersInTheBundleAreNotAffected() async throws {
        let fixture = try await ShipperFixture()
        let sources = try await fixture.sources(4)
        let (fine, lost, raised, elsewhere) = (sources[0], sources[1], sources[2], sources[3])
        for source in sources { source.commit() }
        try await fixture.loseLease(of: lost.database)
        _ = try await fixture.leases.base.raiseEpoch(raised.database, from: Epoch(1), by: fixture.session.id)
        var random = SeededGenerator(seed: 77)
        let foreign = FakeSource.changeset(after: .origin, epoch: Epoch(1), pages: 1, random: &random)
        try await publishForeign(foreign, of: elsewhere.database, fixture)
        try await fixture.shipping {
            try await becomesTrue("all are told") { sources.allSatisfy { $0.outcomes.count == 1 } }
        }
        #expect(fine.outcomes == [.published])
        #expect(lost.outcomes == [.fenced])
        #expect(raised.outcomes == [.fenced])
        #expect(elsewhere.outcomes == [.diverged(head: foreign.position)])
        #expect(try await fixture.head(of: fine.database) == fine.tip)
        #expect(try await fixture.head(of: lost.database) == .origin)
        #expect(try await fixture.head(of: raised.database) == .origin)
    }

    @Test func aBundleOfWhichNothingMatchesIsNotPublished() async throws {
        let fixture = try await ShipperFixture()
        let source = try await fixture.source()
        source.commit()
        try await fixture.loseLease(of: source.database)
        try await fixture.shipping {
            try await becomesTrue("it is told") { source.outcomes == [.fenced] }
        }
        #expect(fixture.leases.base.tombstone(bundle: try #require(fixture.leases.publications.first).bundle))
    }

    /// The look at the rows failed: what was published before must not pass for fenced because its lease moved on.
    @Test func whatWasPublishedStaysPublishedWhileTheRestIsLookedAt() async throws {
        let fixture = try await ShipperFixture()
        let sources = try await fixture.sources(2)
        let failing = Times(1)
        fixture.leases.before { call throws(LeaseStoreError) in
            if case .leasesOf = call, failing.next() { throw .unavailable("test") }
        }
        for source in sources { source.commit() }
        try await fixture.loseLease(of: sources[1].database)
        try await fixture.shipping {
            try await fixture.somebodySleeps()
            try await fixture.loseLease(of: sources[0].database)
            try await fixture.passRetryDelay()
            try await becomesTrue("both are told") { sources.allSatisfy { $0.outcomes.count == 1 } }
        }
        #expect(sources.map(\.outcomes) == [[.published], [.fenced]])
    }

    /// Nothing is given up on the strength of a reply that the row contradicts.
    @Test func aPublishThatOverlooksARowIsRepeated() async throws {
        let fixture = try await ShipperFixture()
        let source = try await fixture.source()
        fixture.leases.overlookNextPublish()
        source.commit()
        try await fixture.shipping {
            try await fixture.passRetryDelay()
            try await becomesTrue("it is shipped") { source.outcomes == [.published] }
        }
        expectIdenticalAttempts(fixture, count: 2)
    }

    @Test func aCancellationEndsTheRetriesAndPublishesNothing() async throws {
        let fixture = try await ShipperFixture()
        let source = try await fixture.source()
        fixture.objects.before { _ in throw Self.down }
        source.commit()
        // Returns only because the shipper ends.
        try await fixture.shipping { try await fixture.somebodySleeps() }
        #expect(fixture.clock.sleepers == 0)
        #expect(source.outcomes.isEmpty)
        #expect(fixture.leases.publications.isEmpty)
    }

    /// A bucket's own cancellation (a closed connection, say) is a failure like any other.
    @Test func aCancelledPutIsNotTheEndOfShipping() async throws {
        let fixture = try await ShipperFixture()
        let source = try await fixture.source()
        let failing = Times(1)
        fixture.objects.before { call in if call.operation == .put && failing.next() { throw CancellationError() } }
        source.commit()
        try await fixture.shipping {
            try await fixture.passRetryDelay()
            try await becomesTrue("it is shipped") { source.outcomes == [.published] }
        }
    }

    // MARK: -

    private func expectStored(
        _ publication: Publication, _ cut: CutChangeset, _ fixture: ShipperFixture
    ) async throws {
        let entry = try #require(publication.entries.first { $0.checksum == cut.position.checksum })
        let stored = try await fixture.objects.base.get(
            publication.bundle, range: Int64(entry.offset)..<Int64(entry.offset + entry.storedLength))
        #expect(try entry.changesetBytes(from: stored[...]) == cut.bytes)
    }

    private func publishForeign(
        _ changeset: CutChangeset, of database: DatabaseID, _ fixture: ShipperFixture
    ) async throws {
        var builder = BundleBuilder(session: fixture.session.id, node: fixture.session.node, number: 999)
        try builder.append(
            database: database, epoch: changeset.epoch, kind: .delta, firstSeq: changeset.position.seq,
            lastSeq: changeset.position.seq, previousChecksum: changeset.previous.checksum,
            checksum: changeset.position.checksum, pageSize: 4096, createdAt: 0, changeset: changeset.bytes)
        let bundle = try builder.finish()
        #expect(
            try await fixture.leases.publishLate(
                Publication(session: fixture.session.id, bundle: "bundles/foreign", bytes: 1, entries: bundle.entries))
                == [database])
    }
}
