import FleetModel

/// Why there is no room for a connection.
enum Shortage: String, CaseIterable, Sendable {
    /// There are enough in all.
    case connections
    /// There are enough of this address.
    case address
}

/// How a connection stands at the moment.
enum Standing: Equatable, Sendable {
    /// A request of it is being answered, or one whose head is there arrives.
    case busy
    /// It waits for a request, or for the rest of a head, since then, in nanoseconds.
    ///
    /// It is known when a token that came over it was accepted.
    case waits(since: UInt64, isKnown: Bool)
}

/// Which connections are open, and which of them gives way when there is no room. A value without I/O.
struct ConnectionBook<ID: Hashable, Member> {
    enum Entry {
        case enters
        /// There is room once this one is closed; it counts no longer.
        case replaces(Member)
        case refused(Shortage)
    }

    private let maximum: Int
    private let maximumPerAddress: Int
    /// Nanoseconds for which a known connection that waits is left alone.
    private let spared: UInt64
    private var members: [ID: (member: Member, address: ClientAddress?)] = [:]
    private var counts: [ClientAddress: Int] = [:]

    init(_ limits: DoorLimits) {
        maximum = limits.connections
        maximumPerAddress = limits.connectionsPerAddress
        spared = UInt64(limits.spared.nanoseconds)
    }

    var count: Int { members.count }
    var all: [Member] { members.values.map(\.member) }

    subscript(id: ID) -> Member? { members[id]?.member }

    /// Lets `member` in, if need be in the place of the connection that has waited longest: of strangers first, then of known
    /// ones, unless a request may just be on its way to them. Connections that wait cost their clients nothing, and must not keep
    /// out a client who has something to ask.
    mutating func enter(
        _ id: ID, _ member: Member, from address: ClientAddress?, at now: UInt64, standing: (Member) -> Standing
    ) -> Entry {
        invariant(members[id] == nil, "a connection is counted twice")
        var entry = Entry.enters
        if let shortage = shortage(for: address) {
            let candidates = shortage == .address ? address : nil
            guard let gone = longestWaiting(of: candidates, at: now, standing), let replaced = members[gone]?.member else {
                return .refused(shortage)
            }
            leave(gone)
            entry = .replaces(replaced)
        }
        members[id] = (member, address)
        if let address { counts[address, default: 0] += 1 }
        invariant(members.count <= maximum, "more connections than there is room for")
        return entry
    }

    /// `id` is closed. Again, or after it was replaced, does nothing.
    mutating func leave(_ id: ID) {
        guard let address = members.removeValue(forKey: id)?.address, let count = counts[address] else { return }
        invariant(count > 0, "an address has fewer connections than none")
        counts[address] = count == 1 ? nil : count - 1
    }

    private func shortage(for address: ClientAddress?) -> Shortage? {
        if let address, counts[address, default: 0] >= maximumPerAddress { return .address }
        return members.count >= maximum ? .connections : nil
    }

    private func longestWaiting(of address: ClientAddress?, at now: UInt64, _ standing: (Member) -> Standing) -> ID? {
        var longest: (id: ID, rank: (Int, UInt64))?
        for (id, (member, itsAddress)) in members where address == nil || itsAddress == address {
            guard case .waits(let since, let isKnown) = standing(member), !isKnown || since + spared <= now else { continue }
            let rank = (isKnown ? 1 : 0, since)
            if let longest, longest.rank <= rank { continue }
            longest = (id, rank)
        }
        return longest?.id
    }
}
