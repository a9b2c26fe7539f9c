import Synchronization

/// The state of all links. Proxies ask it and hear of changes; faults change it.
final class Network: Sendable {
    /// Names a condition until it is lifted, or a watcher until it leaves.
    struct Ticket: Sendable, Hashable {
        fileprivate let number: Int
    }

    private struct State {
        var next = 0
        var imposed: [Int: (links: Set<Link>, condition: LinkCondition)] = [:]
        var watchers: [Link: [Int: @Sendable () -> Void]] = [:]
        var connections: [Link: Int] = [:]

        mutating func ticket() -> Ticket {
            next += 1
            return Ticket(number: next)
        }
    }

    private let state = Mutex(State())

    /// Whatever is imposed on the link, merged.
    func condition(of link: Link) -> LinkCondition {
        state.withLock { state in
            state.imposed.values.filter { $0.links.contains(link) }.reduce(.open) { $0.merged(with: $1.condition) }
        }
    }

    /// Puts links into a condition, beside others they may be in already.
    func impose(_ condition: LinkCondition, on links: some Sequence<Link>) -> Ticket {
        let links = Set(links)
        let (ticket, watchers) = state.withLock { state in
            let ticket = state.ticket()
            state.imposed[ticket.number] = (links, condition)
            return (ticket, Self.watchers(of: links, in: state))
        }
        for watcher in watchers { watcher() }
        return ticket
    }

    func lift(_ ticket: Ticket) {
        let watchers = state.withLock { state -> [@Sendable () -> Void] in
            guard let imposed = state.imposed.removeValue(forKey: ticket.number) else { return [] }
            return Self.watchers(of: imposed.links, in: state)
        }
        for watcher in watchers { watcher() }
    }

    /// Connections made so far, by link: whether there was anything for a fault to hit.
    var connections: [String: Int] {
        state.withLock { Dictionary(uniqueKeysWithValues: $0.connections.map { ($0.key.description, $0.value) }) }
    }

    /// Counts a new connection, and calls `onChange` whenever the condition of its link may have changed.
    func watch(_ link: Link, _ onChange: @escaping @Sendable () -> Void) -> Ticket {
        state.withLock { state in
            state.connections[link, default: 0] += 1
            let ticket = state.ticket()
            state.watchers[link, default: [:]][ticket.number] = onChange
            return ticket
        }
    }

    func leave(_ link: Link, _ ticket: Ticket) {
        state.withLock { _ = $0.watchers[link]?.removeValue(forKey: ticket.number) }
    }

    private static func watchers(of links: Set<Link>, in state: State) -> [@Sendable () -> Void] {
        links.flatMap { state.watchers[$0].map { Array($0.values) } ?? [] }
    }
}
