import Engines
public import FleetModel

/// Where the files of databases are opened and their SQL is run: in this process, or in one of its children.
///
/// Everything that may harm whoever carries it out is behind this contract. A host knows no lease, no store, no bucket and no token: whoever owns
/// a database decides before a call whether it may begin, and after it whether its answer may be given. What a host says of bytes is believed,
/// never that they may be acknowledged. The conformance suite in `Tests/EngineHostTests` says what has to hold of every host.
public protocol EngineHost: Sendable {
    /// Opens files that lie at their place.
    ///
    /// - Parameter owner: told of what happens between two calls.
    func open(_ opening: DatabaseOpening, for owner: any DatabaseOwner) async throws(OpeningFailure) -> any HostedDatabase

    /// As ``Engine/rehearse(_:)``.
    func rehearse(_ path: String, _ engine: EngineKind) async throws(HostFailure)

    /// As ``Engine/verify(_:)``.
    func verify(_ path: String, _ engine: EngineKind) async throws(HostFailure)

    /// What is known of databases from before, or from another node: they are refused as if it had happened here.
    func remember(_ quarantined: [DatabaseID: Quarantined])

    /// Works until cancelled: watches what can expire.
    func run() async

    /// Descriptors that its databases take, and those they may take together.
    var descriptors: (taken: Int, limit: Int) { get }
}

/// For a host that ends with its node: it refuses nobody.
extension EngineHost {
    public func remember(_ quarantined: [DatabaseID: Quarantined]) {}
}

/// Why a host did not do what was asked of it.
public enum HostFailure: Error, Sendable, Hashable, CustomStringConvertible {
    case engine(SQLError)
    /// There is no engine of this kind.
    case engineMissing(String)
    /// The host ended, or was ended, before it answered: what it was doing may have happened.
    case hostLost(String)

    public var description: String {
        switch self {
        case .engine(let error): error.description
        case .engineMissing(let message): message
        case .hostLost(let reason): "the engine host ended: \(reason)"
        }
    }
}

/// Why a database was not opened. Its files are as they were, apart from what their engine recovered.
public enum OpeningFailure: Error, Sendable, Hashable, CustomStringConvertible {
    case host(HostFailure)
    /// What a process that died left is not proven to be the head and commits of this node.
    case unproven
    /// Its watermark could not be written.
    case disk(String)
    /// As many descriptors are taken as may be.
    case tooManyFiles
    /// It was being carried out when hosts died, again and again: it is not opened for some time.
    case quarantined(Quarantined)

    public var description: String {
        switch self {
        case .host(let failure): failure.description
        case .unproven: "what a former process left cannot be proven to be the published state and more"
        case .disk(let reason): reason
        case .tooManyFiles: "as many files are open as may be"
        case .quarantined(let quarantined): quarantined.reason
        }
    }
}

/// Who a database was opened for. Called in the order in which things happen, from any thread; must not block.
public protocol DatabaseOwner: AnyObject, Sendable {
    /// Something was committed; what may be shipped from now on includes this commit. Told before any answer that shows it.
    func committed(_ commit: UInt64)

    /// There is something to cut although nothing was committed: a checkpoint is owed.
    func wantsCut()

    /// The engine has to open the files anew, after a fatal error, and cannot.
    func filesDoNotOpen()

    /// No more descriptors are to be had: a database nobody uses had better be closed.
    func wantsFiles()

    /// The host of the database ended, and everything that was only there: its streams, its open transactions. Not told of one that was closed.
    func hostLost(_ reason: String)
}
