public import FleetModel

public enum SessionRole: String, Sendable, Codable {
    case node
    case manager
}

/// What a process says of itself when it opens its session.
public struct NewSession: Sendable {
    public var id: SessionID
    public var node: NodeName
    public var role: SessionRole
    /// Where others reach it, for instance `http://10.0.0.7:8080`.
    public var address: String
    /// What a node can serve. Means nothing for a manager.
    public var engines: Set<EngineKind>
    /// Rule 1: how long the session lives without a renewal, for its owner and for every observer.
    public var timing: LeaseTiming
    public var program: ProgramVersion

    public init(
        id: SessionID, node: NodeName, role: SessionRole, address: String, engines: Set<EngineKind> = [.sqlite],
        timing: LeaseTiming = LeaseTiming(), program: ProgramVersion = .ofTheseSources
    ) {
        self.id = id
        self.node = node
        self.role = role
        self.address = address
        self.engines = engines
        self.timing = timing
        self.program = program
    }
}

/// A session as an observer sees it.
public struct SessionRecord: Sendable, Hashable {
    public var id: SessionID
    public var node: NodeName
    public var role: SessionRole
    public var address: String
    /// Counts renewals; two readings that are equal enclose a time without any.
    public var renewals: Int64
    public var isRevoked: Bool
    /// How long it lives without a renewal: what its owner wrote down, never what the observer would have chosen.
    public var ttl: Duration

    public init(
        id: SessionID, node: NodeName, role: SessionRole, address: String, renewals: Int64, isRevoked: Bool, ttl: Duration
    ) {
        invariant(ttl > .zero, "a session lives for some time")
        self.id = id
        self.node = node
        self.role = role
        self.address = address
        self.renewals = renewals
        self.isRevoked = isRevoked
        self.ttl = ttl
    }
}

/// How the store answered a renewal.
public enum Renewal: Sendable, Hashable {
    case renewed
    case refused(Refusal)

    public enum Refusal: Sendable, Hashable {
        case ended
        case revoked
        case generationChanged
        case unknownSession
    }
}
