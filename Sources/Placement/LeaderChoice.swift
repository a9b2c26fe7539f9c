public import FleetModel

/// A node as a candidate for leading databases.
public struct Candidate: Sendable, Hashable {
    public var node: NodeName
    /// Databases placed on it.
    public var placed: Int64

    public init(node: NodeName, placed: Int64) {
        self.node = node
        self.placed = placed
    }
}

/// Decides where databases are led. Pure: the same input and randomness give the same answer.
public enum LeaderChoice {
    /// For one new database: the emptier of two nodes taken at random.
    ///
    /// Two choices are nearly as good as looking at all nodes, and managers that decide at the same time on equally old
    /// figures do not all pick the same one (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing").
    /// - Returns: `nil` without candidates.
    public static func one(
        among candidates: [Candidate], using generator: inout some RandomNumberGenerator
    ) -> NodeName? {
        guard candidates.count > 1 else { return candidates.first?.node }
        let first = Int.random(in: 0..<candidates.count, using: &generator)
        var second = Int.random(in: 0..<(candidates.count - 1), using: &generator)
        if second >= first { second += 1 }
        let (a, b) = (candidates[first], candidates[second])
        return a.placed <= b.placed ? a.node : b.node
    }

    /// For many databases at once: each goes to the node that has least by then, every planned one counted at once.
    ///
    /// - Returns: a node for each of `count` databases, in order; empty without candidates.
    public static func spread(_ count: Int, over candidates: [Candidate]) -> [NodeName] {
        guard !candidates.isEmpty else { return [] }
        var heap = LeastPlacedHeap(candidates)
        return (0..<count).map { _ in heap.takeLeast() }
    }
}

/// A binary heap of candidates, the emptiest on top: O(log n) per decision.
struct LeastPlacedHeap {
    private var items: [Candidate]

    /// - Parameter candidates: at least one.
    init(_ candidates: [Candidate]) {
        invariant(!candidates.isEmpty, "nobody is to choose from")
        items = candidates.sorted(by: Self.isEmptier)
    }

    /// The emptiest node, which counts one more from now on.
    mutating func takeLeast() -> NodeName {
        let node = items[0].node
        items[0].placed += 1
        var index = 0
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2] where child < items.count && Self.isEmptier(items[child], items[least]) {
                least = child
            }
            if least == index { return node }
            items.swapAt(index, least)
            index = least
        }
    }

    private static func isEmptier(_ left: Candidate, _ right: Candidate) -> Bool {
        (left.placed, left.node) < (right.placed, right.node)
    }
}
