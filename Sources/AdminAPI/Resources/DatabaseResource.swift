import FleetModel
import FleetStore

/// A database as the API shows it.
public struct DatabaseResource: Codable, Sendable, Hashable {
    public var id: String
    public var name: String
    public var engine: String
    public var durability: String
    /// Whether foreign keys are enforced on a connection that has not said otherwise.
    public var foreignKeys: Bool
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
    /// One of `DatabaseCondition`: `serving`, `unopened`, `unled`, `unopenable` or `quarantined`.
    public var state: String
    /// What is published and does not open; `nil` as long as nothing of the kind is known.
    @OrNull public var unopenable: Unopenable?
    /// Why it is not opened now: it ended the processes that run its engine again and again; `nil` when it may be.
    @OrNull public var quarantine: Quarantine?
    /// The last published state that was restored, opened and checked; `nil` before the first.
    @OrNull public var verified: Verified?

    public struct Unopenable: Codable, Sendable, Hashable {
        public var seq: UInt64
        public var code: String
        public var reason: String
        /// RFC 3339.
        public var since: String
        /// The newest state before it that opens; `nil` while it is looked for, or when there is none.
        @OrNull public var opensSeq: UInt64?
    }

    public struct Quarantine: Codable, Sendable, Hashable {
        /// RFC 3339.
        public var until: String
        public var reason: String
    }

    public struct Verified: Codable, Sendable, Hashable {
        public var seq: UInt64
        /// RFC 3339.
        public var at: String
    }

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
        // DuckDB knows no other way.
        foreignKeys = status.record.settings.foreignKeys || status.record.engine == .duckdb
        createdAt = ResourceCoding.timestamp(status.record.createdAt)
        placedOn = status.placedOn.description
        leader = status.leader?.description
        leaderAddress = status.leaderAddress
        epoch = status.epoch.value
        let hex = String(status.head.checksum, radix: 16)
        head = Head(seq: status.head.seq, checksum: String(repeating: "0", count: 16 - hex.count) + hex)
        shipLagMs = shipLag?.milliseconds
        state = status.condition.rawValue
        unopenable = status.unopenable.map {
            Unopenable(
                seq: $0.seq, code: $0.code, reason: $0.reason, since: ResourceCoding.timestamp($0.since ?? status.record.createdAt),
                opensSeq: $0.opensSeq)
        }
        quarantine = status.quarantine.map { Quarantine(until: ResourceCoding.timestamp($0.until), reason: $0.reason) }
        verified = status.verified.map { Verified(seq: $0.seq, at: ResourceCoding.timestamp($0.at)) }
    }
}

/// One page of databases.
public struct DatabasePage: Codable, Sendable, Hashable {
    public var databases: [DatabaseResource]
    /// To be sent as `cursor` for the next page; `nil` on the last one.
    @OrNull public var nextCursor: String?
}
