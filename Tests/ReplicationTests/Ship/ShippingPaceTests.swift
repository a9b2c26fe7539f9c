import BerthTestKit
import Changesets
import FleetModel
import Leases
import Replication
import Testing

/// When bundles leave and what they hold.
@Suite(.timeLimit(.minutes(1)))
struct ShippingPaceTests {
    @Test(arguments: [1, 300])
    func onePutAndOnePublishPerInterval(databases: Int) async throws {
        let fixture = try await ShipperFixture()
        let sources = try await fixture.sources(databases)
        for source in sources { source.commit() }
        try await fixture.shipping {
            for round in 1...5 {
                try await becomesTrue("round \(round) is shipped") { sources.allSatisfy { $0.outcomes.count == round } }
                #expect(fixture.objects.count(.put) == round)
                #expect(fixture.leases.publications.count == round)
                #expect(fixture.leases.publications.last?.entries.count == databases)

                for source in sources { source.commit() }
                try await fixture.somebodySleeps()
                fixture.clock.advance(by: fixture.settings.interval - .milliseconds(1))
                try await fixture.somebodySleeps()
                #expect(fixture.objects.count(.put) == round, "nothing leaves before the interval is over")
                fixture.clock.advance(by: .milliseconds(1))
            }
            try await becomesTrue("the last round") { sources.allSatisfy { $0.outcomes.count == 6 } }
        }
        #expect(fixture.objects.calls.allSatisfy { $0.operation == .put })
        for source in sources {
            #expect(source.outcomes.allSatisfy { $0 == .published })
            var chain = ChainVerifier()
            for entry in fixture.leases.base.segments(of: source.database) { try chain.append(entry) }
            #expect(chain.position == source.tip)
        }
    }

    @Test func idleCostsNothing() async throws {
        let fixture = try await ShipperFixture()
        let source = try await fixture.source()
        try await fixture.shipping {
            source.commit()
            try await becomesTrue("it is shipped") { source.outcomes.count == 1 }
            fixture.clock.advance(by: .seconds(1))
            fixture.objects.forgetCalls()
            fixture.leases.forgetCalls()
            // A mark with nothing behind it, as after a rolled back transaction.
            source.claimDirty()
            try await becomesTrue("the mark is looked at") { source.looks == 2 }
            #expect(fixture.clock.sleepers == 0)
            fixture.clock.advance(by: .seconds(60))
        }
        #expect(fixture.objects.calls.isEmpty)
        #expect(fixture.leases.calls.isEmpty)
    }

    @Test func urgentDoesNotWaitForTheInterval() async throws {
        let fixture = try await ShipperFixture()
        let sources = try await fixture.sources(2)
        try await fixture.shipping {
            sources[0].commit()
            try await becomesTrue("the first is shipped") { sources[0].outcomes.count == 1 }
            sources[0].commit()
            try await fixture.somebodySleeps()
            sources[1].commit(urgent: true)
            // Without any time passing; and what waits goes along.
            try await becomesTrue("both are shipped") { sources.map(\.outcomes.count) == [2, 1] }
            #expect(fixture.objects.count(.put) == 2)
            // The urgency is over.
            sources[0].commit()
            try await fixture.somebodySleeps()
            #expect(fixture.objects.count(.put) == 2)
        }
    }

    @Test func aFullBundleIsClosedAndTheRestFollowsAtOnce() async throws {
        var settings = ShipperSettings()
        settings.maximumBundleBytes = 10_000
        let fixture = try await ShipperFixture(settings)
        let sources = try await fixture.sources(10)
        for source in sources { source.commit() }
        try await fixture.shipping {
            try await becomesTrue("all are shipped") { sources.allSatisfy { $0.outcomes == [.published] } }
        }
        // Two are under way at a time, so they need not be published in their order.
        #expect(fixture.leases.publications.map(\.entries.count).sorted() == [1, 3, 3, 3])
        #expect(fixture.leases.publications.allSatisfy { $0.bytes < 10_000 + 5_000 })
        #expect(Set(fixture.leases.publications.map(\.bundle)).count == 4)
    }

    @Test func aDatabaseThatAlwaysHasSomethingGoesOncePerInterval() async throws {
        let fixture = try await ShipperFixture()
        let lease = DatabaseID.timeOrdered()
        try await fixture.leases.createLeases([lease])
        let epoch = try #require(try await fixture.leases.acquire([lease], for: fixture.session.id).first).epoch
        // Dirty again the moment its changeset is published.
        let busy = FakeSource(lease, epoch: epoch, commitsAgain: 5, shipper: fixture.shipper)
        busy.commit()
        try await fixture.shipping {
            for round in 1...6 {
                try await becomesTrue("round \(round) is shipped") { busy.outcomes.count == round }
                #expect(fixture.objects.count(.put) == round)
                if round < 6 { try await fixture.somebodySleeps() }
                fixture.passInterval()
            }
        }
    }

    @Test func changesetsOfOneDatabaseLeaveOneAfterTheOther() async throws {
        let fixture = try await ShipperFixture()
        let source = try await fixture.source()
        let door = Latch()
        fixture.objects.before { call in if call.operation == .put { await door.pass() } }
        try await fixture.shipping {
            source.commit(urgent: true)
            try await becomesTrue("the first is being stored") { door.arrivals == 1 }
            source.commit(urgent: true)
            fixture.clock.advance(by: .seconds(10))
            #expect(source.cuts.count == 1, "no second is cut while the first is under way")
            door.open()
            try await becomesTrue("both are shipped") { source.outcomes == [.published, .published] }
        }
        #expect(fixture.leases.base.segments(of: source.database).map(\.lastSeq) == [1, 2])
    }

    /// A lease that was lost and acquired anew has a new source; the mark of the former must not pass for its own.
    @Test func theMarkOfAFormerSourceDoesNotHideThatOfThePresent() async throws {
        let fixture = try await ShipperFixture()
        let former = try await fixture.source()
        former.commit()
        former.leave()
        let present = FakeSource(former.database, epoch: Epoch(1), shipper: fixture.shipper, seed: 9)
        present.commit()
        try await fixture.shipping {
            try await becomesTrue("the present one's commit is shipped") { present.outcomes == [.published] }
        }
        #expect(former.outcomes.isEmpty)
        #expect(try await fixture.head(of: present.database) == present.tip)
    }
}
