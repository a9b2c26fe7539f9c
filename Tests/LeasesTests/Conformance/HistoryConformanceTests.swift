import BerthTestKit
import Changesets
import FleetModel
import Leases
import Synchronization
import Testing

/// Nodes that come, die, publish and hand over at random; afterwards the history must be one that a single machine
/// serving one request at a time could have produced.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct HistoryConformanceTests {
    /// What succeeded, as those to whom it succeeded saw it.
    final class History: Sendable {
        struct Tenure: Hashable, Sendable {
            var database: DatabaseID
            var epoch: Epoch
        }
        struct Events: Sendable {
            /// Everyone who was told to hold the database in that epoch.
            var holders: [Tenure: Set<SessionID>] = [:]
            var published: [(session: SessionID, entry: BundleEntry)] = []
            var live: [SessionID] = []
        }
        private let events = Mutex(Events())

        func began(_ lease: Lease, by session: SessionID) {
            events.withLock {
                _ = $0.holders[Tenure(database: lease.database, epoch: lease.epoch), default: []].insert(session)
            }
        }
        func published(_ entry: BundleEntry, by session: SessionID) {
            events.withLock { $0.published.append((session, entry)) }
        }
        func opened(_ session: SessionID) { events.withLock { $0.live.append(session) } }
        var all: Events { events.withLock { $0 } }
    }

    /// One node, life after life, with what it believes to hold.
    struct Node {
        let name: String
        let store: any LeaseStore
        let databases: [DatabaseID]
        let history: History
        var generator: SeededGenerator
        var session: SessionID = .random()
        var held: [DatabaseID: Lease] = [:]

        mutating func live(steps: Int) async throws {
            try await begin()
            for _ in 0..<steps {
                switch Int.random(in: 0..<20, using: &generator) {
                case 0..<5: try await acquire()
                case 5..<12: try await publish()
                case 12..<14: try await release()
                case 14..<16: try await transfer()
                case 16: try await raise()
                case 17: if try await store.renew(session) != .renewed { try await begin() }
                case 18: try await endSomebody()
                default: try await adopt()
                }
            }
        }

        private mutating func begin() async throws {
            session = .random(using: &generator)
            held = [:]
            try await store.openSession(
                NewSession(id: session, node: try NodeName(name), role: .node, address: "http://\(name)"))
            history.opened(session)
        }

        private mutating func some() -> [DatabaseID] {
            databases.shuffled(using: &generator).dropLast(Int.random(in: 0..<databases.count, using: &generator))
        }

        private mutating func hold(_ lease: Lease) {
            held[lease.database] = lease
            history.began(lease, by: session)
        }

        private mutating func acquire() async throws {
            for lease in try await store.acquire(some(), for: session) { hold(lease) }
        }

        /// Leases this session was given by others, which it learns of by looking.
        private mutating func adopt() async throws {
            for lease in try await store.leases(heldBy: session) { hold(lease) }
        }

        private mutating func publish() async throws {
            let chosen = some().compactMap { held[$0] }
            let entries = chosen.map {
                BundleEntry.next(
                    of: $0.database, epoch: $0.epoch, after: $0.head,
                    checksum: UInt64.random(in: 1...UInt64.max, using: &generator))
            }
            let name = "bundles/\(SessionID.random(using: &generator))"
            let published = try await store.publish(.test(session, entries, bundle: name))
            for entry in entries {
                if published.contains(entry.database) {
                    held[entry.database]?.head = entry.endPosition
                    history.published(entry, by: session)
                } else {
                    held[entry.database] = nil
                }
            }
        }

        private mutating func release() async throws {
            let claims = some().compactMap { held[$0]?.claim }
            for database in try await store.release(claims, by: session) { held[database] = nil }
        }

        private mutating func transfer() async throws {
            guard let lease = held.values.randomElement(using: &generator),
                let next = history.all.live.suffix(6).randomElement(using: &generator)
            else { return }
            if try await store.transfer(lease.claim, from: session, to: next, copy: .random(using: &generator)) {
                held[lease.database] = nil
            }
        }

        private mutating func raise() async throws {
            guard let lease = held.values.randomElement(using: &generator) else { return }
            held[lease.database] = nil
            if let raised = try await store.raiseEpoch(lease.database, from: lease.epoch, by: session) { hold(raised) }
        }

        private mutating func endSomebody() async throws {
            guard let victim = try await store.liveSessions().randomElement(using: &generator) else { return }
            _ = try await store.endSession(victim.id, seen: victim.renewals, reason: "chance")
        }
    }

    @Test(arguments: StoreKind.allCases, [UInt64(1), 2, 3, 4])
    func everyHistoryIsOneOfASingleChainPerDatabase(_ kind: StoreKind, _ seed: UInt64) async throws {
        let stage = try await Stage(kind)
        var generator = SeededGenerator(seed: seed)
        let databases = (0..<5).map { _ in DatabaseID.random(using: &generator) }
        try await stage.store.createLeases(databases)
        let history = History()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<6 {
                var node = Node(
                    name: "node-\(index)", store: try await stage.under.client(), databases: databases,
                    history: history, generator: SeededGenerator(seed: seed * 1000 + UInt64(index)))
                group.addTask { try await node.live(steps: 80) }
            }
            try await group.waitForAll()
        }

        let events = history.all
        #expect(!events.published.isEmpty)
        for (tenure, holders) in events.holders {
            #expect(holders.count == 1, "\(tenure) was held by \(holders)")
        }
        for database in databases {
            let lease = try await stage.row(database)
            let segments = try await stage.under.segments(of: database)
            // One chain without gap or fork, ending at the head, its epochs never going back.
            var chain = ChainVerifier()
            for segment in segments { try chain.append(segment) }
            #expect(chain.position == lease.head)
            #expect(zip(segments, segments.dropFirst()).allSatisfy { $0.epoch <= $1.epoch })
            #expect(segments.allSatisfy { $0.epoch <= lease.epoch })
            // What was acknowledged is what is there, each by the holder of its epoch.
            let acknowledged = events.published.filter { $0.entry.database == database }
            #expect(Set(acknowledged.map(\.entry)) == Set(segments))
            #expect(acknowledged.count == segments.count)
            for (session, entry) in acknowledged {
                #expect(events.holders[History.Tenure(database: database, epoch: entry.epoch)] == [session])
            }
        }
    }
}
