public import FleetModel

/// What a node that does not lead a database knows of who does; part of every 421 answer.
///
/// Hearsay: it is followed only forward, to a newer epoch.
public struct NotLeaderHint: Sendable, Hashable {
    public var leader: NodeName?
    /// Where the leader is reached, for instance `http://10.0.0.7:8080`.
    public var address: String?
    /// The newest epoch the node has seen.
    public var epoch: Epoch

    public init(leader: NodeName? = nil, address: String? = nil, epoch: Epoch) {
        self.leader = leader
        self.address = address
        self.epoch = epoch
    }
}
