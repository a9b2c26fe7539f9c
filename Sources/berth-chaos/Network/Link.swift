/// The way from one party to another; `from` is the one that connects.
struct Link: Sendable, Hashable, CustomStringConvertible {
    var from: String
    var to: String

    var description: String { "\(from)>\(to)" }
}

/// What a link does to the bytes that go over it.
struct LinkCondition: Sendable, Hashable {
    enum Direction: Sendable, Hashable {
        /// From the party that connected.
        case forth
        case back
    }

    /// Connections are reset, and new ones too.
    var isCut = false
    /// Bytes wait until this is over; those that sent them notice nothing.
    var held: Set<Direction> = []
    /// Every byte is this late.
    var delay: Duration = .zero
    /// Bytes per second and direction.
    var rate: Int?

    static let open = LinkCondition()

    /// Both at once.
    func merged(with other: LinkCondition) -> LinkCondition {
        LinkCondition(
            isCut: isCut || other.isCut, held: held.union(other.held), delay: max(delay, other.delay),
            rate: [rate, other.rate].compactMap { $0 }.min())
    }
}
