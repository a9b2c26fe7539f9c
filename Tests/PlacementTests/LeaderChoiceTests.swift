import BerthTestKit
import FleetModel
@testable import Placement
import Testing

@Suite(.timeLimit(.minutes(1)))
struct LeaderChoiceTests {
    private func candidates(_ placed: [Int64]) throws -> [Candidate] {
        try placed.enumerated().map { Candidate(node: try NodeName("node-\($0.offset)"), placed: $0.element) }
    }

    private func counts(_ choices: [NodeName], over candidates: [Candidate]) -> [Int64] {
        candidates.map { candidate in Int64(choices.count { $0 == candidate.node }) }
    }

    // MARK: One

    @Test func withoutChoiceThereIsOneOrNone() throws {
        var generator = SeededGenerator(seed: 1)
        #expect(LeaderChoice.one(among: [], using: &generator) == nil)
        let only = try candidates([1_000_000])
        #expect(LeaderChoice.one(among: only, using: &generator) == only[0].node)
    }

    @Test func ofTwoTheEmptierIsTaken() throws {
        var generator = SeededGenerator(seed: 1)
        let two = try candidates([7, 6])
        for _ in 0..<100 { #expect(LeaderChoice.one(among: two, using: &generator) == two[1].node) }
    }

    /// The fullest of all is never taken, every other one is: two different ones are compared.
    @Test func everyNodeButTheFullestHasAChance() throws {
        var generator = SeededGenerator(seed: 2)
        let five = try candidates([3, 9, 1, 4, 2])
        let choices = (0..<2000).compactMap { _ in LeaderChoice.one(among: five, using: &generator) }
        let counted = counts(choices, over: five)
        #expect(choices.count == 2000 && counted[1] == 0)
        #expect([0, 2, 3, 4].allSatisfy { counted[$0] > 50 })
        // In the order of their emptiness: the chance falls with the rank.
        #expect(counted[2] > counted[4] && counted[4] > counted[0] && counted[0] > counted[3])
    }

    @Test func theSameSeedGivesTheSameChoice() throws {
        let many = try candidates((0..<50).map { $0 % 7 })
        var (one, two) = (SeededGenerator(seed: 3), SeededGenerator(seed: 3))
        for _ in 0..<100 {
            #expect(LeaderChoice.one(among: many, using: &one) == LeaderChoice.one(among: many, using: &two))
        }
    }

    /// What two choices are for: 100,000 balls into 100 bins leave the fullest within a few of the mean, where one
    /// choice would be off by about √(2·1000·ln 100) = 96.
    @Test(arguments: [UInt64(1), 2, 3])
    func twoChoicesBalance(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var bins = try candidates([Int64](repeating: 0, count: 100))
        let index = Dictionary(uniqueKeysWithValues: bins.enumerated().map { ($0.element.node, $0.offset) })
        for _ in 0..<100_000 {
            let choice = try #require(LeaderChoice.one(among: bins, using: &generator).flatMap { index[$0] })
            bins[choice].placed += 1
        }
        #expect(bins.allSatisfy { abs($0.placed - 1000) <= 15 })
    }

    // MARK: Many

    @Test func withoutCandidatesNothingIsSpread() {
        #expect(LeaderChoice.spread(5, over: []).isEmpty)
    }

    @Test func spreadingNothingIsNothing() throws {
        #expect(LeaderChoice.spread(0, over: try candidates([1, 2])).isEmpty)
    }

    /// Against looking at every node for every database.
    @Test(arguments: Array(UInt64(1)...40))
    func spreadIsTheNaiveChoice(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let count = Int.random(in: 1...12, using: &generator)
        let range = Int64.random(in: 1...30, using: &generator)
        let start = try candidates((0..<count).map { _ in Int64.random(in: 0..<range, using: &generator) }).shuffled(using: &generator)
        var naive = start
        let wanted = Int.random(in: 0...200, using: &generator)
        let expected = (0..<wanted).compactMap { _ -> NodeName? in
            guard let least = naive.indices.min(by: { (naive[$0].placed, naive[$0].node) < (naive[$1].placed, naive[$1].node) })
            else { return nil }
            naive[least].placed += 1
            return naive[least].node
        }
        #expect(LeaderChoice.spread(wanted, over: start) == expected)
    }

    /// Nobody gets more while somebody has less by two, and nobody above the level gets anything.
    @Test(arguments: Array(UInt64(1)...20))
    func spreadLevels(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let start = try candidates((0..<20).map { _ in Int64.random(in: 0...100, using: &generator) })
        let added = counts(LeaderChoice.spread(500, over: start), over: start)
        #expect(added.reduce(0, +) == 500)
        let after = zip(start, added).map { $0.placed + $1 }
        let level = zip(after, added).filter { $0.1 > 0 }.map(\.0)
        let (low, high) = (try #require(level.min()), try #require(level.max()))
        #expect(high - low <= 1)
        #expect(after.allSatisfy { $0 >= low })
    }

    @Test func equalNodesGetEqualShares() throws {
        let ten = try candidates([Int64](repeating: 3, count: 10))
        #expect(counts(LeaderChoice.spread(1000, over: ten), over: ten) == [Int64](repeating: 100, count: 10))
    }

    /// O(log n) per decision: a million databases on a thousand nodes. Bounded generously, for a slow machine without
    /// optimisation; looking at every node each time would be a hundred times as much.
    @Test func aMillionDatabasesAreSpreadOverAThousandNodes() throws {
        var heap = LeastPlacedHeap(try candidates((0..<1000).map { Int64($0 % 10) }))
        var counted: [NodeName: Int] = [:]
        for _ in 0..<100_000 { counted[heap.takeLeast(), default: 0] += 1 }
        #expect(counted.count == 1000)
        #expect(counted.values.allSatisfy { (91...114).contains($0) })
    }
}
