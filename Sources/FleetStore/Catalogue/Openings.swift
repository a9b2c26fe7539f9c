public import FleetModel
public import Foundation

/// A published state that does not open, although its files come complete from the bucket.
public struct UnopenableState: Sendable, Hashable {
    /// Where the chain ended.
    public var seq: UInt64
    /// The engine's code, or `data_corrupt` when the chain itself cannot be read.
    public var code: String
    /// For operators; names no path.
    public var reason: String
    /// When it was first found.
    public var since: Date?
    /// The newest state before it that opens; `nil` while it is looked for, or when there is none.
    public var opensSeq: UInt64?

    public init(seq: UInt64, code: String, reason: String, since: Date? = nil, opensSeq: UInt64? = nil) {
        self.seq = seq
        self.code = code
        self.reason = reason
        self.since = since
        self.opensSeq = opensSeq
    }
}

/// Until when a database is not opened, because it ended the processes that run its engine again and again.
public struct QuarantineState: Sendable, Hashable {
    public var until: Date
    /// For operators.
    public var reason: String

    public init(until: Date, reason: String) {
        self.until = until
        self.reason = reason
    }
}

/// Why a node does not take over what another one leads.
public struct OpeningRefusal: Sendable, Hashable {
    public var code: String
    public var reason: String

    public init(code: String, reason: String) {
        self.code = code
        self.reason = reason
    }
}

/// The last published state that was restored from the bucket, opened and checked.
public struct VerifiedState: Sendable, Hashable {
    public var seq: UInt64
    public var at: Date

    public init(seq: UInt64, at: Date) {
        self.seq = seq
        self.at = at
    }
}

/// A published state that was not restored and checked so far.
public struct UnverifiedBackup: Sendable, Hashable {
    public var database: DatabaseID
    public var engine: EngineKind
    public var head: ChainPosition
    /// Of its changesets, as they lie in the bucket.
    public var bytes: Int64

    public init(database: DatabaseID, engine: EngineKind, head: ChainPosition, bytes: Int64) {
        self.database = database
        self.engine = engine
        self.head = head
        self.bytes = bytes
    }
}

/// What is known of a database besides where it is led.
public enum DatabaseCondition: String, Sendable, CaseIterable {
    /// Its leader opened it in this epoch.
    case serving
    /// It is led, and nobody has asked for it since it is.
    case unopened
    /// Nobody leads it.
    case unled
    /// What is published does not open.
    case unopenable
    /// It ended the processes that run its engine again and again, and is not opened for some time.
    case quarantined
}

extension DatabaseStatus {
    /// Its leader opened it in this epoch and said so.
    public var isServed: Bool { leader != nil && servedEpoch == epoch }

    public var condition: DatabaseCondition {
        if isServed { return .serving }
        if unopenable != nil { return .unopenable }
        if quarantine != nil { return .quarantined }
        return leader == nil ? .unled : .unopened
    }
}

/// A database that an operation gave another leader and that was not served since.
public struct UnservedDatabase: Sendable, Hashable {
    public var name: DatabaseName
    public var isUnopenable: Bool

    package init(name: DatabaseName, isUnopenable: Bool) {
        self.name = name
        self.isUnopenable = isUnopenable
    }
}
