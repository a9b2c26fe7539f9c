public import Changesets
public import FleetModel

/// A database engine: everything the rest of Berth knows of it.
///
/// An engine opens the files of one database and captures what is committed to them; without opening them it brings them
/// forward, builds them anew and checks them. Nothing above this module asks which engine it holds. The conformance
/// suite in `Tests/EnginesTests/Conformance` says what has to hold of every one; `ops/adding-an-engine.md` tells how to add one.
public protocol Engine: Sendable {
    var kind: EngineKind { get }
    /// How the pages of its databases are written into changesets.
    var profile: HADBP.Profile { get }
    /// ``EngineDatabase/descriptors`` of a database that was just opened.
    var openingDescriptors: Int { get }

    /// Bytes of the files of the database at `path`, with its log, as far as they can be found out: how much work reading them is. 0 when there are none.
    func fileBytes(_ path: String) -> Int

    /// Opens the file at `path`, or creates it.
    ///
    /// - Parameters:
    ///   - base: what is known of the content; decides whether the first capture is full.
    ///   - settings: those of this database; an engine leaves out what it does not have.
    /// - Throws: `SQLError` with the engine's code.
    func open(_ path: String, base: CaptureBase, settings: DatabaseSettings) throws(SQLError) -> any EngineDatabase

    /// The same engine, whose databases stop their statements by `clock`; without that, by the machine's.
    func timed(by clock: any FleetClock) -> any Engine

    /// What a statement is to transactions; decides whether it may be carried out in one that several requests share.
    ///
    /// An engine with answers other than ``TransactionRole/unknown`` has the SQL of `BEGIN`, `COMMIT`, `SAVEPOINT`, `ROLLBACK TO`
    /// and `RELEASE`: each request in a shared transaction gets a savepoint while requests fail.
    func transactionRole(of sql: String) -> TransactionRole

    /// Whether a statement does nothing but read, as far as its words tell: it is tried beside the writer, by ``EngineDatabase/readers``, and when
    /// it wants to write after all, that is refused, and it is carried out as a write.
    func looksLikeQuery(_ sql: String) -> Bool

    /// Begins to build the files of a database out of page sets, beside the place where they are to be.
    ///
    /// - Throws: code `disk_unavailable`.
    func build(at path: String) throws(BerthError) -> any EngineFileBuilder

    /// Brings files that are closed forward by newer sets, in order, and syncs them once at the end.
    ///
    /// A crash in the middle leaves a mixture: the caller marks the copy dirty, durably, before.
    ///
    /// - Throws: code `data_corrupt` for a set that cannot be right, `disk_unavailable`.
    func apply(_ sets: [PageSet], to path: String) throws(BerthError)

    /// Opens files that are closed as far as is needed to know that they open: a log is replayed, in memory. Leaves them as they are.
    ///
    /// - Throws: `SQLError`; see ``SQLError/blamesFiles``.
    func rehearse(_ path: String) throws(SQLError)

    /// Checks the structure of a database that is closed. Leaves its content as it is.
    ///
    /// - Throws: `SQLError` with what was found.
    func verify(_ path: String) throws(SQLError)
}

extension Engine {
    /// With the settings of a database that has none of its own.
    public func open(_ path: String, base: CaptureBase) throws(SQLError) -> any EngineDatabase {
        try open(path, base: base, settings: DatabaseSettings())
    }

    public var openingDescriptors: Int { 4 }

    public func fileBytes(_ path: String) -> Int { FileSystem.bytes([path]) }

    /// No statement shares a transaction.
    public func transactionRole(of sql: String) -> TransactionRole { .unknown }

    /// Nothing is read beside the writer, unless its client may only read.
    public func looksLikeQuery(_ sql: String) -> Bool { false }

    /// Checks more than is needed.
    public func rehearse(_ path: String) throws(SQLError) { try verify(path) }
}

/// Builds the files of a database beside their place and moves them there when they are complete.
///
/// A good copy is never touched by a bad restore. Without `finish()` nothing is left behind.
public protocol EngineFileBuilder: AnyObject {
    /// Applies the next set of the chain: first a full one, then the changes in order.
    ///
    /// - Throws: code `data_corrupt` for a set that cannot be right, `disk_unavailable`. Abandon the files then.
    func apply(_ set: PageSet) throws(BerthError)

    /// Moves the files to their place, durably, instead of what was there.
    ///
    /// - Throws: code `disk_unavailable`.
    func finish() throws(BerthError)

    /// Removes what was built. Does nothing after `finish()`.
    func abandon()
}

/// What a file that is being opened is known to be.
public enum CaptureBase: Sendable, Hashable {
    /// Nothing of it is known to be captured: it is new, or was left by a crash. The first capture is a full one.
    case empty
    /// It equals a point on its chain, because it was just restored or was closed by ``EngineDatabase/closeClean()``:
    /// capture begins with the next commit. Should the files hold commits after all, they are captured as well.
    case restored
    /// A process of this machine died that had captured it up to this mark, and the machine has run since. Capture goes on from there when
    /// the files prove that they are what they were then, plus commits (``EngineDatabase/isProven``); else the first capture is a full one,
    /// and nothing is known of them.
    case continued(CaptureMark)
}
