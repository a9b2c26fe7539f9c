import BerthTestKit
import Changesets
import FleetModel
import Leases
import ObjectStores
import Replication
import Synchronization
import Testing

/// One database that takes long, is large, or is refused delays nobody else.
@Suite(.timeLimit(.minutes(1)))
struct WaitingForNobodyTests {
    private func expectChain(_ source: FakeSource, _ fixture: ShipperFixture) throws {
        var chain = ChainVerifier()
        for entry in fixture.leases.base.segments(of: source.database) { try chain.append(entry) }
        #expect(chain.position == source.tip)
    }

    /// Lets `sources` commit and waits until they are shipped, again and again.
    private func shipRounds(_ rounds: Int, of sources: [FakeSource], _ fixture: ShipperFixture) async throws {
        for _ in 0..<rounds {
            let count = sources.map(\.outcomes.count)
            for source in sources { source.commit() }
            fixture.passInterval()
            try await becomesTrue("the others are shipped") { zip(sources, count).allSatisfy { $0.outcomes.count == $1 + 1 } }
        }
    }

    // MARK: A database that is busy

    @Test func aLongReadDelaysNobodyElse() async throws {
        let fixture = try await ShipperFixture()
        let sources = try await fixture.sources(4)
        let busy = sources[0], others = Array(sources[1...])
        busy.lane.close()
        for source in sources { source.commit() }
        try await fixture.shipping {
            try await fixture.passPatience()
            try await becomesTrue("the others are shipped") { others.allSatisfy { $0.outcomes == [.published] } }
            try await shipRounds(3, of: others, fixture)
            #expect(busy.lane.arrivals == 1, "it is asked once, however long it takes")
            #expect(busy.outcomes.isEmpty)
            busy.lane.open()
            try await becomesTrue("it has answered") { busy.cuts.count == 1 }
            fixture.passInterval()
            try await becomesTrue("it goes with a later bundle") { busy.outcomes == [.published] }
        }
        #expect(busy.cuts.count == 1)
        for source in sources { try expectChain(source, fixture) }
    }

    @Test func answersOfManyThatAreBusyGoTogether() async throws {
        let fixture = try await ShipperFixture()
        let sources = try await fixture.sources(5)
        for source in sources {
            source.lane.close()
            source.commit()
        }
        try await fixture.shipping {
            try await becomesTrue("all are asked") { sources.allSatisfy { $0.lane.arrivals == 1 } }
            fixture.clock.advance(by: .seconds(3))
            sources[0].lane.open()
            try await becomesTrue("the first is there") { sources[0].cuts.count == 1 }
            for source in sources[1...] { source.lane.open() }
            try await becomesTrue("all are shipped") { sources.allSatisfy { $0.outcomes == [.published] } }
        }
        #expect(fixture.objects.count(.put) == 1)
    }

    /// Those that are late take no place from others.
    @Test func moreBusyOnesThanAreAskedAtATime() async throws {
        var settings = ShipperSettings()
        settings.parallelCuts = 4
        let fixture = try await ShipperFixture(settings)
        let busy = try await fixture.sources(9), quick = try await fixture.sources(3)
        for source in busy { source.lane.close() }
        for source in busy + quick { source.commit() }
        try await fixture.shipping {
            try await becomesTrue("the quick ones are shipped") {
                if fixture.clock.sleepers > 0 { fixture.clock.advance(by: fixture.settings.cutPatience) }
                return quick.allSatisfy { $0.outcomes == [.published] }
            }
            #expect(busy.allSatisfy { $0.lane.arrivals == 1 && $0.outcomes.isEmpty })
            for source in busy { source.lane.open() }
            try await becomesTrue("all have answered") { busy.allSatisfy { $0.cuts.count == 1 } }
            fixture.passInterval()
            try await becomesTrue("the busy ones follow") { busy.allSatisfy { $0.outcomes == [.published] } }
        }
    }

    @Test func oneThatHearsItsOutcomeLateDelaysNobodyElse() async throws {
        let fixture = try await ShipperFixture()
        let sources = try await fixture.sources(3)
        sources[0].ear.close()
        for source in sources { source.commit() }
        try await fixture.shipping {
            try await becomesTrue("the others have heard") { sources[1...].allSatisfy { $0.outcomes.count == 1 } }
            try await shipRounds(3, of: Array(sources[1...]), fixture)
            sources[0].commit()
            sources[0].ear.open()
            fixture.passInterval()
            try await becomesTrue("it goes on") {
                fixture.passInterval()
                return sources[0].outcomes == [.published, .published]
            }
        }
    }

    // MARK: A bundle that does not arrive

    @Test func aBundleThatCannotBeUploadedDelaysNobodyElse() async throws {
        let fixture = try await ShipperFixture()
        let stuck = try await fixture.source(), others = try await fixture.sources(3)
        let stuckPut = Mutex<String?>(nil)
        fixture.objects.before { call in
            guard call.operation == .put else { return }
            let isStuck = stuckPut.withLock { name in
                name = name ?? call.name
                return name == call.name
            }
            if isStuck { throw ObjectStoreError.unavailable(reason: "too slow", retryable: true) }
        }
        try await fixture.shipping {
            stuck.commit()
            try await becomesTrue("it is tried") { fixture.objects.count(.put) > 0 }
            try await shipRounds(4, of: others, fixture)
            #expect(stuck.cuts.count == 1 && stuck.outcomes.isEmpty)
            // What it commits meanwhile waits for that.
            stuck.commit()
            try await shipRounds(2, of: others, fixture)
            #expect(stuck.cuts.count == 1)
            fixture.objects.before(nil)
            try await becomesTrue("it is shipped") {
                fixture.clock.advance(by: .milliseconds(100))
                return stuck.outcomes == [.published, .published]
            }
        }
        for source in others + [stuck] { try expectChain(source, fixture) }
    }

    @Test func notMoreThanTwoAreUnderWay() async throws {
        let fixture = try await ShipperFixture()
        let sources = try await fixture.sources(4)
        let door = Latch()
        fixture.objects.before { call in if call.operation == .put { await door.pass() } }
        try await fixture.shipping {
            for count in 1...2 {
                sources[count - 1].commit(urgent: true)
                try await becomesTrue("it is under way") { door.arrivals == count }
            }
            for source in sources[2...] { source.commit(urgent: true) }
            fixture.passInterval()
            #expect(door.arrivals == 2)
            #expect(sources[2...].allSatisfy { $0.lane.arrivals == 0 }, "what could not leave is not cut")
            door.open()
            try await becomesTrue("all are shipped") { sources.allSatisfy { $0.outcomes == [.published] } }
        }
        #expect(fixture.objects.count(.put) == 3)
    }

    // MARK: A large changeset

    @Test func largeOnesTravelAlone() async throws {
        var settings = ShipperSettings()
        settings.largeChangesetBytes = 20_000
        let fixture = try await ShipperFixture(settings)
        let large = try await fixture.sources(3, pages: 8), small = try await fixture.sources(5)
        let door = Latch()
        fixture.objects.before { call in if call.operation == .put, call.bytes?.count ?? 0 > 30_000 { await door.pass() } }
        for source in large + small { source.commit() }
        try await fixture.shipping {
            try await becomesTrue("the small ones are shipped") { small.allSatisfy { $0.outcomes == [.published] } }
            try await becomesTrue("two large ones are under way") { door.arrivals == 2 }
            try await shipRounds(3, of: small, fixture)
            #expect(door.arrivals == 2)
            door.open()
            try await becomesTrue("the large ones are shipped") { large.allSatisfy { $0.outcomes == [.published] } }
        }
        let bundles = fixture.leases.publications.map { Set($0.entries.map(\.database)) }
        for source in large { #expect(bundles.contains([source.database])) }
        for source in large + small { try expectChain(source, fixture) }
    }

    @Test func noMoreIsCutThanMayWaitInMemory() async throws {
        var settings = ShipperSettings()
        settings.maximumWaitingBytes = 8_000
        settings.parallelCuts = 1
        settings.largeChangesetBytes = 1
        let fixture = try await ShipperFixture(settings)
        let sources = try await fixture.sources(10)
        let door = Latch()
        fixture.objects.before { call in if call.operation == .put { await door.pass() } }
        for source in sources { source.commit() }
        try await fixture.shipping {
            // Two are under way, and with two more that wait there is enough.
            try await becomesTrue("as many are cut") { sources.count { $0.cuts.count == 1 } == 4 }
            fixture.passInterval()
            #expect(sources.count { $0.lane.arrivals > 0 } == 4)
            door.open()
            try await becomesTrue("all are shipped") { sources.allSatisfy { $0.outcomes == [.published] } }
        }
    }

    // MARK: A changeset that is refused

    private func refuse(_ databases: Set<DatabaseID>, _ fixture: ShipperFixture) {
        fixture.leases.before { call throws(LeaseStoreError) in
            guard case .publish(let publication) = call, publication.entries.contains(where: { databases.contains($0.database) })
            else { return }
            throw .entryRefused("new row violates a constraint")
        }
    }

    @Test(arguments: [[3], [0], [9], [2, 7]])
    func oneThatIsRefusedHoldsUpNobodyElse(_ which: [Int]) async throws {
        let fixture = try await ShipperFixture()
        let sources = try await fixture.sources(10)
        let refused = which.map { sources[$0] }
        let others = sources.indices.filter { !which.contains($0) }.map { sources[$0] }
        refuse(Set(refused.map(\.database)), fixture)
        for source in sources { source.commit() }
        try await fixture.shipping {
            try await becomesTrue("the others are shipped, without any time passing") { others.allSatisfy { $0.outcomes == [.published] } }
            #expect(refused.allSatisfy { $0.outcomes.isEmpty && $0.cuts.count == 1 })
            // The others may have theirs before the last look.
            try await becomesTrue("each of them was tried alone") {
                let alone = fixture.leases.calls.compactMap { call -> DatabaseID? in
                    guard case .publish(let publication) = call, publication.entries.count == 1 else { return nil }
                    return publication.entries[0].database
                }
                return refused.allSatisfy { alone.contains($0.database) }
            }
            let puts = fixture.objects.count(.put)
            #expect(puts <= 1 + 8 * refused.count, "it is looked for in halves")
            // From now on bundles are whole.
            try await shipRounds(3, of: others, fixture)
            #expect(fixture.objects.count(.put) == puts + 3, "it is stored once, and tried again without that")
            #expect(refused.allSatisfy { $0.outcomes.isEmpty && $0.cuts.count == 1 })
            fixture.leases.before(nil)
            for source in refused { source.commit() }
            fixture.clock.advance(by: fixture.settings.refusedRetryDelay.upperBound)
            try await becomesTrue("it is taken, and so is the next") {
                fixture.passInterval()
                return refused.allSatisfy { $0.outcomes == [.published, .published] }
            }
        }
        for source in sources { try expectChain(source, fixture) }
    }

    @Test func whatIsRefusedIsTriedAgainLessAndLessOften() async throws {
        let fixture = try await ShipperFixture()
        let source = try await fixture.source()
        refuse([source.database], fixture)
        source.commit()
        try await fixture.shipping {
            for attempt in 0..<7 {
                let nominal = min(fixture.settings.refusedRetryDelay.lowerBound * (1 << attempt), fixture.settings.refusedRetryDelay.upperBound)
                let delay = try await fixture.passRetryDelay()
                #expect(delay <= nominal && delay >= nominal / 2)
                try await becomesTrue("it is tried again") { fixture.leases.publications.count == attempt + 2 }
            }
        }
        let attempts = fixture.leases.publications
        #expect(Set(attempts.map(\.bundle)).count == 1 && fixture.objects.count(.put) == 1)
    }

    @Test func oneThatIsRefusedAndLosesItsLeaseIsFenced() async throws {
        let fixture = try await ShipperFixture()
        let source = try await fixture.source()
        refuse([source.database], fixture)
        source.commit()
        try await fixture.shipping {
            try await fixture.somebodySleeps()
            fixture.leases.before(nil)
            try await fixture.loseLease(of: source.database)
            try await fixture.passRetryDelay()
            try await becomesTrue("it is told") { source.outcomes == [.fenced] }
        }
    }

    /// A statement whose reply was lost may execute after the identical one was refused and its changesets were sent again in other
    /// bundles: each is published once.
    @Test func aLostReplyIsNoRefusalAndMayStillExecute() async throws {
        let fixture = try await ShipperFixture()
        let sources = try await fixture.sources(2)
        fixture.leases.before { [leases = fixture.leases] call throws(LeaseStoreError) in
            guard case .publish = call else { return }
            switch leases.publications.count {
            case 1: throw .outcomeUnknown("the connection was lost")
            case 2: throw .entryRefused("for a moment")
            case 3: _ = try await leases.publishLate(leases.publications[0])
            default: return
            }
        }
        for source in sources { source.commit() }
        try await fixture.shipping {
            try await fixture.passRetryDelay()
            try await becomesTrue("both are told") { sources.allSatisfy { $0.outcomes == [.published] } }
        }
        let attempts = fixture.leases.publications
        #expect(attempts[0].bundle == attempts[1].bundle && attempts[0].entries == attempts[1].entries)
        for source in sources {
            #expect(fixture.leases.base.segments(of: source.database).count == 1)
            try expectChain(source, fixture)
        }
    }
}
