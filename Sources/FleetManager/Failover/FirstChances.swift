import FleetModel
import Leases

/// Rule 5: the node of a worker that crashed may come back for a moment before others take over what it led, because what was acknowledged and not
/// shipped is on its disk. A pure value, fed with readings of the living sessions.
///
/// Only where its supervisor said that the process is dead, so that the machine is well; a silent session says nothing of the kind. And only after a
/// life of some length: what kills a worker may be among its databases. A node that is back already did not crash: it was stopped with commits
/// that it could not publish, and its supervisor has ended the former session now that it can go on with them.
struct FirstChances {
    private struct Life {
        var node: NodeName
        var since: Duration
    }

    private var lives: [SessionID: Life] = [:]
    /// When the chance of each node is over.
    private var ends: [NodeName: Duration] = [:]

    /// Takes a reading of all living sessions.
    ///
    /// - Parameters:
    ///   - silenced: sessions that were ended because they were silent.
    ///   - chance: how long a node may take.
    ///   - length: how long its worker must have lived.
    mutating func observe(
        _ live: [SessionRecord], at now: Duration, silenced: Set<SessionID>, for chance: Duration, after length: Duration
    ) {
        let nodes = live.filter { $0.role == .node }
        let ids = Set(nodes.map(\.id))
        for (session, life) in lives where !ids.contains(session) {
            lives[session] = nil
            let isBack = nodes.contains { $0.node == life.node }
            if !silenced.contains(session), isBack || now - life.since >= length, chance > .zero { ends[life.node] = now + chance }
        }
        for session in nodes where lives[session.id] == nil { lives[session.id] = Life(node: session.node, since: now) }
    }

    func hasChance(_ node: NodeName) -> Bool { ends[node] != nil }

    /// When the next chance is over; `nil` when nobody has one.
    var nextEnd: Duration? { ends.values.min() }

    /// Forgets the chances that are over.
    ///
    /// - Returns: whether there were any.
    mutating func endsNow(at now: Duration) -> Bool {
        let former = ends.count
        ends = ends.filter { $0.value > now }
        return ends.count < former
    }
}
