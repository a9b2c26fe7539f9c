public import FleetModel

/// Why a changeset does not follow on a chain. Each case names both neighbours.
public enum ChainError: Error, Sendable, Hashable {
    /// Changesets between the two are missing.
    case gap(after: ChainPosition, next: ChainLink)
    /// The next one stands for changesets the chain already has: two claim the same number.
    case fork(after: ChainPosition, next: ChainLink)
    /// The numbers follow, the contents do not: the next one was written after something else.
    case mismatch(after: ChainPosition, next: ChainLink)
    /// A snapshot where the chain has already begun.
    case snapshotInside(after: ChainPosition, next: ChainLink)
    /// A range that ends before it begins.
    case emptyRange(after: ChainPosition, next: ChainLink)
    /// The chain ends, and elsewhere than it must.
    case endsElsewhere(at: ChainPosition, expected: ChainPosition)
}

extension ChainError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .gap(let position, let next): "after \(position) changesets are missing; the next is \(next)"
        case .fork(let position, let next): "the chain stands at \(position) and forks: the next is \(next)"
        case .mismatch(let position, let next):
            "the chain stands at \(position); the next, \(next), follows something else"
        case .snapshotInside(let position, let next): "the chain stands at \(position); \(next) cannot come inside it"
        case .emptyRange(let position, let next): "after \(position) comes an impossible range: \(next)"
        case .endsElsewhere(let position, let expected): "the chain ends at \(position); it must end at \(expected)"
        }
    }
}
