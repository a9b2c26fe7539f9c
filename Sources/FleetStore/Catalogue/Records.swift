public import FleetModel
public import Foundation
import Leases

/// A database as the catalogue knows it.
public struct DatabaseRecord: Sendable, Hashable {
    public var id: DatabaseID
    public var name: DatabaseName
    public var engine: EngineKind
    public var durability: Durability
    public var settings: DatabaseSettings
    public var createdAt: Date

    public init(
        id: DatabaseID, name: DatabaseName, engine: EngineKind, durability: Durability,
        settings: DatabaseSettings = DatabaseSettings(), createdAt: Date
    ) {
        self.id = id
        self.name = name
        self.engine = engine
        self.durability = durability
        self.settings = settings
        self.createdAt = createdAt
    }
}

/// Intent and fact of one database side by side.
public struct DatabaseStatus: Sendable, Hashable {
    public var record: DatabaseRecord
    /// Where it should be led.
    public var placedOn: NodeName
    /// Where it is led by a live session; `nil` while nobody leads it.
    public var leader: NodeName?
    public var leaderSession: SessionID?
    /// Address of the leader's data protocols.
    public var leaderAddress: String?
    public var epoch: Epoch
    public var head: ChainPosition
    /// The last epoch whose leader opened it and served it.
    public var servedEpoch: Epoch?
    /// What is published and does not open.
    public var unopenable: UnopenableState?
    public var quarantine: QuarantineState?
    /// Why the node it is placed on will not take it over from its leader.
    public var refusal: OpeningRefusal?
    public var verified: VerifiedState?

    package init(
        record: DatabaseRecord, placedOn: NodeName, leader: NodeName? = nil, leaderSession: SessionID? = nil,
        leaderAddress: String? = nil, epoch: Epoch, head: ChainPosition, servedEpoch: Epoch? = nil,
        unopenable: UnopenableState? = nil, quarantine: QuarantineState? = nil, refusal: OpeningRefusal? = nil, verified: VerifiedState? = nil
    ) {
        self.record = record
        self.placedOn = placedOn
        self.leader = leader
        self.leaderSession = leaderSession
        self.leaderAddress = leaderAddress
        self.epoch = epoch
        self.head = head
        self.servedEpoch = servedEpoch
        self.unopenable = unopenable
        self.quarantine = quarantine
        self.refusal = refusal
        self.verified = verified
    }
}

public enum NodeState: String, Sendable, Codable, CaseIterable {
    /// Takes new leaders.
    case active
    /// Keeps what it leads and takes nothing new.
    case cordoned
}

public struct NodeStatus: Sendable, Hashable {
    public var name: NodeName
    public var address: String
    public var state: NodeState
    /// What it can serve.
    public var engines: Set<EngineKind>
    /// Whether a session of this node lives.
    public var isAlive: Bool
    public var session: SessionID?
    /// When the live session was opened.
    public var startedAt: Date?
    /// Databases placed on this node.
    public var placed: Int64
    /// Leases held by its live session.
    public var leading: Int64
    /// What its live session runs.
    public var program: ProgramVersion?

    package init(
        name: NodeName, address: String, state: NodeState, engines: Set<EngineKind>, isAlive: Bool, session: SessionID? = nil,
        startedAt: Date? = nil, placed: Int64, leading: Int64, program: ProgramVersion? = nil
    ) {
        self.name = name
        self.address = address
        self.state = state
        self.engines = engines
        self.isAlive = isAlive
        self.session = session
        self.startedAt = startedAt
        self.placed = placed
        self.leading = leading
        self.program = program
    }
}

/// A database and where it should be led.
public struct PlacedDatabase: Sendable, Hashable {
    public var database: DatabaseID
    public var engine: EngineKind
    public var placedOn: NodeName
    /// The node it is placed on will not take it over: what is published does not open there.
    public var isRefused: Bool

    package init(database: DatabaseID, engine: EngineKind, placedOn: NodeName, isRefused: Bool = false) {
        self.database = database
        self.engine = engine
        self.placedOn = placedOn
        self.isRefused = isRefused
    }
}

/// What a node needs to know of one database that is placed on it and that it does not lead.
public struct Assignment: Sendable, Hashable {
    public var database: DatabaseID
    public var engine: EngineKind
    /// The live session that leads it now; `nil` when the lease is free to acquire.
    public var heldBy: SessionID?
    /// The lease's.
    public var epoch: Epoch
    /// Where the published chain ends.
    public var head: ChainPosition
    /// Whether this node already said that it holds a copy.
    public var isPrepared: Bool

    package init(
        database: DatabaseID, engine: EngineKind, heldBy: SessionID? = nil, epoch: Epoch, head: ChainPosition, isPrepared: Bool
    ) {
        self.database = database
        self.engine = engine
        self.heldBy = heldBy
        self.epoch = epoch
        self.head = head
        self.isPrepared = isPrepared
    }
}

/// A database a node leads although it is placed elsewhere.
public struct Handover: Sendable, Hashable {
    public var database: DatabaseID
    public var placedOn: NodeName
    /// The successor's session and copy, once it is ready to take over.
    public var successor: SessionID?
    public var copy: CopyID?

    package init(
        database: DatabaseID, placedOn: NodeName, successor: SessionID? = nil, copy: CopyID? = nil
    ) {
        self.database = database
        self.placedOn = placedOn
        self.successor = successor
        self.copy = copy
    }
}

/// Where one database is served, as routers need it.
public struct RouteRecord: Sendable, Hashable {
    public var database: DatabaseID
    public var name: DatabaseName
    public var epoch: Epoch
    /// The leader's session, node and address; `nil` while nobody leads.
    public var session: SessionID?
    public var node: NodeName?
    public var address: String?

    public init(
        database: DatabaseID, name: DatabaseName, epoch: Epoch, session: SessionID?, node: NodeName?, address: String?
    ) {
        self.database = database
        self.name = name
        self.epoch = epoch
        self.session = session
        self.node = node
        self.address = address
    }
}
