import BerthTestKit
import Changesets
import FleetModel
import Leases
import Testing

/// Many clients at the same rows at once; what must hold in whatever order they are served.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct ContentionConformanceTests {
    private static let clients = 12

    /// Runs `body` for each client at the same time.
    private func race<Value: Sendable>(
        _ stage: Stage, _ clients: Int = Self.clients,
        _ body: @escaping @Sendable (Int, any LeaseStore) async throws -> Value
    ) async throws -> [Value] {
        try await withThrowingTaskGroup(of: (Int, Value).self) { group in
            for index in 0..<clients {
                let store = try await stage.under.client()
                group.addTask {
                    // Connected before the race.
                    _ = try await store.liveSessions()
                    return (index, try await body(index, store))
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func ofManyAcquirersOneWins(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        var sessions: [SessionID] = []
        for index in 0..<Self.clients { sessions.append(try await stage.session("node-\(index)")) }
        let databases = (0..<8).map { _ in DatabaseID.random() }
        try await stage.store.createLeases(databases)
        for round in 1...6 {
            let won = try await race(stage) { [sessions] index, store in
                // Each asks in an order of its own.
                var generator = SeededGenerator(seed: UInt64(round * 100 + index))
                return try await store.acquire(databases.shuffled(using: &generator), for: sessions[index])
            }
            #expect(won.flatMap { $0 }.map(\.database).sorted() == databases.sorted())
            let rows = try await stage.store.leases(of: databases)
            for (index, leases) in won.enumerated() {
                for lease in leases {
                    #expect(lease.session == sessions[index] && lease.epoch == Epoch(Int64(round)))
                    #expect(rows.contains(lease))
                }
            }
            // For the next round everybody's session is over.
            for session in sessions { try await stage.end(session) }
            for index in sessions.indices { sessions[index] = try await stage.session("node-\(index)") }
        }
    }

    @Test(arguments: StoreKind.allCases)
    func ofManyObserversOneEndsASession(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        for _ in 0..<8 {
            let session = try await stage.session()
            let ended = try await race(stage) { _, store in
                try await store.endSession(session, seen: 0, reason: "test")
            }
            #expect(ended.count { $0 } == 1)
        }
    }

    /// Rules 1 and 3: a session that was renewed after the observer's reading is never ended.
    @Test(arguments: StoreKind.allCases)
    func anEndAndARenewalNeverBothSucceed(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        for _ in 0..<20 {
            let session = try await stage.session()
            let succeeded = try await race(stage, 2) { index, store in
                if index == 0 { return try await store.renew(session) == .renewed }
                return try await store.endSession(session, seen: 0, reason: "test")
            }
            #expect(succeeded.count { $0 } == 1)
            #expect(try await stage.record(session)?.renewals == (succeeded[0] ? 1 : nil))
        }
    }

    /// Each changes whose lease it is, or moves the head the others named; so of all of them one succeeds.
    @Test(arguments: StoreKind.allCases)
    func aPublishExcludesATransferAndARelease(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let (holder, successor) = (try await stage.session(), try await stage.session("node-2"))
        for _ in 0..<20 {
            let lease = try await stage.lease(heldBy: holder)
            let entry = BundleEntry.next(on: lease)
            let succeeded = try await race(stage, 3) { index, store in
                switch index {
                case 0: try await store.publish(.test(holder, [entry])) == [lease.database]
                case 1: try await store.transfer(lease.claim, from: holder, to: successor, copy: .random())
                default: try await store.release([lease.claim], by: holder) == [lease.database]
                }
            }
            #expect(succeeded.count { $0 } == 1)
            let row = try await stage.row(lease.database)
            #expect(row.session == (succeeded[0] ? holder : succeeded[1] ? successor : nil))
            #expect(row.head == (succeeded[0] ? entry.endPosition : .origin))
            #expect(row.epoch == (succeeded[1] ? Epoch(2) : Epoch(1)))
        }
    }

    /// Rule 6: publishing and taking over conflict on one row.
    @Test(arguments: StoreKind.allCases)
    func aTakeoverSeesWhatWasPublishedOrPreventsIt(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        for round in 0..<20 {
            let (old, new) = (try await stage.session(), try await stage.session("node-2"))
            let leases = [try await stage.lease(heldBy: old), try await stage.lease(heldBy: old)]
            let entries = leases.map(BundleEntry.next(on:))
            try await stage.end(old)
            enum Outcome: Sendable { case published(Set<DatabaseID>), acquired([Lease]) }
            let outcomes = try await race(stage, 2) { index, store -> Outcome in
                if (index + round) % 2 == 0 { return .published(try await store.publish(.test(old, entries))) }
                return .acquired(try await store.acquire(leases.map(\.database), for: new))
            }
            var published: Set<DatabaseID> = []
            var acquired: [Lease] = []
            for outcome in outcomes {
                switch outcome {
                case .published(let databases): published = databases
                case .acquired(let leases): acquired = leases
                }
            }
            // What nobody held any more was taken, published before or not.
            #expect(Set(acquired.map(\.database)) == Set(leases.map(\.database)))
            for lease in acquired {
                let entry = try #require(entries.first { $0.database == lease.database })
                #expect(lease.head == (published.contains(lease.database) ? entry.endPosition : .origin))
                #expect(try await stage.row(lease.database) == lease)
                #expect(try await stage.under.segments(of: lease.database) == (published.contains(lease.database) ? [entry] : []))
            }
        }
    }

    @Test(arguments: StoreKind.allCases)
    func ofIdenticalPublishesOneAdvancesTheHead(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let session = try await stage.session()
        for _ in 0..<5 {
            let lease = try await stage.lease(heldBy: session)
            let publication = Publication.test(session, [.next(on: lease)])
            let published = try await race(stage, 6) { _, store in try await store.publish(publication) }
            #expect(published.count { $0 == [lease.database] } == 1)
            #expect(published.count { $0.isEmpty } == 5)
            #expect(try await stage.under.segments(of: lease.database) == publication.entries)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func aBundleIsPublishedOrSweptNeverBoth(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let session = try await stage.session()
        for _ in 0..<15 {
            let lease = try await stage.lease(heldBy: session)
            let publication = Publication.test(session, [.next(on: lease)])
            async let swept = stage.under.tombstone(publication.bundle)
            var published = false
            do throws(LeaseStoreError) {
                published = try await stage.store.publish(publication) == [lease.database]
            } catch {
                guard case .bundleSwept = error else { throw error }
            }
            #expect(try await swept != published)
            #expect(try await stage.row(lease.database).head == (published ? publication.entries[0].endPosition : .origin))
        }
    }

    /// Statements over the same rows in other orders must not deadlock: an error of any of them fails the test.
    @Test(arguments: StoreKind.allCases)
    func overlappingBatchesInAnyOrderDoNotDeadlock(_ kind: StoreKind) async throws {
        let stage = try await Stage(kind)
        let databases = (0..<40).map { _ in DatabaseID.random() }
        try await stage.store.createLeases(databases)
        let advanced = try await race(stage) { index, store in
            var generator = SeededGenerator(seed: UInt64(index))
            let session = try NewSession.test("node-\(index)")
            try await store.openSession(session)
            var advanced = 0
            for _ in 0..<15 {
                _ = try await store.acquire(databases.shuffled(using: &generator), for: session.id)
                let held = try await store.leases(heldBy: session.id).shuffled(using: &generator)
                advanced += try await store.publish(.test(session.id, held.map(BundleEntry.next(on:)))).count
                let rows = try await store.leases(of: held.map(\.database)).filter { $0.session == session.id }
                _ = try await store.release(rows.shuffled(using: &generator).dropLast(2).map(\.claim), by: session.id)
            }
            return advanced
        }
        let heads = try await stage.store.leases(of: databases).map { Int($0.head.seq) }
        #expect(heads.reduce(0, +) == advanced.reduce(0, +))
        #expect(advanced.reduce(0, +) > 0)
    }
}
