import BerthTestKit
import FleetModel
@testable import Replication
import Testing

/// The shipper's decisions, under everything that can happen in any order.
@Suite struct ShipQueueTests {
    private final class Source: Shippable {
        let database: DatabaseID
        init(_ database: DatabaseID) { self.database = database }
        func cut() async -> CutChangeset? { nil }
        func shipped(_ outcome: ShipOutcome) async {}
    }

    /// A queue with databases whose commits are counted, and everything that is under way.
    private struct Node {
        let settings: ShipperSettings
        var queue: ShipQueue
        var now = Duration.seconds(100)
        let sources: [Source]
        /// Commits of each source, and how many of them were shipped.
        var commits: [Int], shipped: [Int]
        /// Those asked, with the commits that a changeset of now would hold.
        var asked: [Int] = []
        var loads: [ShipQueue.Load] = []
        /// Changesets that left their bundle and whose source has not heard of it.
        var untold: [Shipment] = []
        var held: [ObjectIdentifier: Int] = [:]
        var seq: UInt64 = 1
        var random: SeededGenerator

        init(seed: UInt64) {
            random = SeededGenerator(seed: seed)
            var settings = ShipperSettings()
            settings.parallelCuts = Int.random(in: 1...4, using: &random)
            settings.parallelBundles = Int.random(in: 1...3, using: &random)
            settings.parallelLargeBundles = Int.random(in: 1...2, using: &random)
            settings.maximumBundleBytes = 1_000
            settings.largeChangesetBytes = 800
            settings.maximumWaitingBytes = Int.random(in: 1_000...4_000, using: &random)
            self.settings = settings
            queue = ShipQueue(settings)
            // The last is another source of the first one's database: its lease was lost and acquired anew.
            let databases = (0..<9).map { _ in DatabaseID.random() }
            sources = (databases + [databases[0]]).map { Source($0) }
            commits = sources.map { _ in 0 }
            shipped = commits
        }

        func index(of source: any Shippable) -> Int { sources.firstIndex { $0 === source } ?? -1 }

        /// Does what the queue says until it has to wait.
        mutating func work() -> Duration? {
            for _ in 0..<10_000 {
                switch queue.next(at: now) {
                case .ask(let sources):
                    for source in sources {
                        let index = index(of: source)
                        #expect(!asked.contains(index), "asked twice")
                        asked.append(index)
                    }
                case .send(let load):
                    loads.append(load)
                    let present = loads.flatMap(\.shipments) + untold
                    #expect(Set(present.map(\.database)).count == present.count, "a database is under way twice")
                    #expect(loads.count { !$0.isLarge } <= settings.parallelBundles)
                    #expect(loads.count { $0.isLarge } <= settings.parallelLargeBundles)
                    #expect(!load.shipments.isEmpty && (!load.isLarge || load.shipments.count == 1))
                case .wait(let until):
                    #expect(until.map { $0 > now } ?? true, "it waits for what has passed")
                    return until
                }
            }
            Issue.record("it never waits")
            return nil
        }

        mutating func commit(_ index: Int, urgent: Bool) {
            commits[index] += 1
            _ = queue.mark(sources[index], urgent: urgent)
        }

        mutating func answer() {
            guard let place = asked.indices.randomElement(using: &random) else { return }
            let index = asked.remove(at: place), source = sources[index]
            guard commits[index] > shipped[index] else {
                _ = queue.answered(source, nil, at: now)
                return
            }
            held[ObjectIdentifier(source)] = commits[index]
            let size = Int.random(in: 0..<8, using: &random) == 0 ? 900 : Int.random(in: 1...500, using: &random)
            seq += 1
            let changeset = CutChangeset(
                epoch: Epoch(1), previous: ChainPosition(seq: seq - 1, checksum: 0), position: ChainPosition(seq: seq, checksum: 0),
                pageSize: 4096, createdAt: 0, bytes: [UInt8](repeating: 0, count: size))
            _ = queue.answered(source, changeset, at: now)
        }

        mutating func arrive() {
            guard let place = loads.indices.randomElement(using: &random) else { return }
            let load = loads.remove(at: place)
            queue.left(load)
            untold += load.shipments
        }

        mutating func tell() {
            guard let place = untold.indices.randomElement(using: &random) else { return }
            let cut = untold.remove(at: place), index = index(of: cut.source)
            shipped[index] = held[ObjectIdentifier(cut.source)] ?? 0
            _ = queue.told(cut, at: now)
        }
    }

    /// What fills a bundle leaves; those that were asked with it, and answer in time, follow without waiting for the next round.
    @Test(arguments: [0, 3, 6]) func theRestFollowsAFullBundleAtOnce(beforeTheBundle few: Int) throws {
        var settings = ShipperSettings()
        settings.maximumBundleBytes = 1_000
        var queue = ShipQueue(settings)
        let now = Duration.seconds(100), sources = (0..<8).map { _ in Source(.random()) }
        for source in sources { _ = queue.mark(source, urgent: false) }
        guard case .ask(let asked) = queue.next(at: now) else {
            Issue.record("nobody is asked")
            return
        }
        #expect(asked.count == 8)
        var sent = 0
        func answer(_ sources: ArraySlice<Source>, late: Bool = false, at now: Duration) {
            for source in sources {
                let position = ChainPosition(seq: 1, checksum: 1)
                let isLate = queue.answered(
                    source,
                    CutChangeset(epoch: Epoch(1), previous: .origin, position: position, pageSize: 512, createdAt: 0, bytes: [UInt8](repeating: 0, count: 400)),
                    at: now)
                #expect(isLate == late)
            }
        }
        func send(at now: Duration) {
            while case .send(let load) = queue.next(at: now) {
                sent += load.shipments.count
                queue.left(load)
            }
        }
        answer(sources[..<few], at: now)
        send(at: now)
        #expect(sent == few)
        answer(sources[few..<7], at: now)
        send(at: now)
        // Less than a bundle waits for the one that has not answered.
        #expect(sent == 6)
        // Late it goes with the next round.
        let later = now + settings.cutPatience
        send(at: later)
        #expect(sent == 7)
        answer(sources[7...], late: true, at: later)
        send(at: later)
        #expect(sent == 7)
        send(at: now + settings.interval)
        #expect(sent == 8)
    }

    @Test(arguments: 0..<200) func nothingIsForgottenAndNothingUnderWayTwice(seed: UInt64) {
        var node = Node(seed: seed)
        for _ in 0..<400 {
            switch Int.random(in: 0..<10, using: &node.random) {
            case 0..<3: node.commit(Int.random(in: 0..<node.sources.count, using: &node.random), urgent: Int.random(in: 0..<6, using: &node.random) == 0)
            case 3..<6: node.answer()
            case 6..<7: node.arrive()
            case 7..<8: node.tell()
            default: node.now += .milliseconds(Int.random(in: 0...120, using: &node.random))
            }
            _ = node.work()
        }
        // Everybody answers and everything arrives: nothing is left.
        var rounds = 0
        while rounds < 1_000 {
            rounds += 1
            let until = node.work()
            if node.asked.isEmpty, node.loads.isEmpty, node.untold.isEmpty {
                guard let until else { break }
                node.now = max(node.now, until)
            }
            while !node.asked.isEmpty { node.answer() }
            while !node.loads.isEmpty { node.arrive() }
            while !node.untold.isEmpty { node.tell() }
        }
        #expect(rounds < 1_000, "it comes to rest")
        #expect(node.shipped == node.commits)
    }

    /// Whatever a few do that never answer, the others' changes leave within an interval and the patience for those.
    @Test(arguments: 0..<50) func whoNeverAnswersDelaysNobody(seed: UInt64) {
        var node = Node(seed: seed)
        let silent = Set([1, 2, 3])
        for index in node.sources.indices.dropLast() { node.commit(index, urgent: false) }
        let deadline = node.now + node.settings.interval + node.settings.cutPatience * 4
        while node.now < deadline {
            let until = node.work()
            let mute = node.asked.filter { silent.contains($0) }
            node.asked.removeAll { silent.contains($0) }
            while !node.asked.isEmpty { node.answer() }
            node.asked = mute
            while !node.loads.isEmpty { node.arrive() }
            while !node.untold.isEmpty { node.tell() }
            node.now += min(max((until ?? node.now) - node.now, .milliseconds(1)), .milliseconds(20))
        }
        for index in node.sources.indices.dropLast() where !silent.contains(index) { #expect(node.shipped[index] == 1) }
        #expect(silent.allSatisfy { node.shipped[$0] == 0 })
    }
}
