import FleetModel
import FleetStore

/// A database as the API shows it.
public struct DatabaseResource: Codable, Sendable, Hashable {
    public var id: String
    public var name: String
    public var engine: String
    public var durability: String
    /// RFC 3339.
    public var createdAt: String
    /// The node that should lead it.
    public var placedOn: String
    /// The node that leads it, `nil` while nobody does.
    @OrNull public var leader: String?
    /// Where the leader answers the data protocols.
    @OrNull public var leaderAddress: String?
    public var epoch: Int64
    public var head: Head
    /// Time since the oldest commit that is not shipped yet; `nil` when unknown.
    @OrNull public var shipLagMs: Int64?

    /// Where the published chain of changesets ends.
    public struct Head: Codable, Sendable, Hashable {
        public var seq: UInt64
        /// 16 hexadecimal digits.
        public var checksum: String

        public init(seq: UInt64, checksum: String) {
            self.seq = seq
            self.checksum = checksum
        }
    }

    init(_ status: DatabaseStatus, shipLag: Duration?) {
        id = status.record.id.description
        name = status.record.name.description
        engine = status.record.engine.rawValue
        durability = status.record.durability.rawValue
        createdAt = ResourceCoding.timestamp(status.record.createdAt)
        placedOn = status.placedOn.description
        leader = status.leader?.description
        leaderAddress = status.leaderAddress
        epoch = status.epoch.value
        let hex = String(status.head.checksum, radix: 16)
        head = Head(seq: status.head.seq, checksum: String(repeating: "0", count: 16 - hex.count) + hex)
        shipLagMs = shipLag?.milliseconds
    }
}

/// One page of databases.
public struct DatabasePage: Codable, Sendable, Hashable {
    public var databases: [DatabaseResource]
    /// To be sent as `cursor` for the next page; `nil` on the last one.
    @OrNull public var nextCursor: String?
}
