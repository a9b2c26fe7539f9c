public import FleetModel

/// A connection to a database that reads beside its writer. Made by ``EngineReaders/take()``.
///
/// Used by one thread at a time, which may be another one each time.
public final class EngineReader: @unchecked Sendable {
    // Safe: the connection is used by who is between `begin` and `end` of its readers, of which there is one at a time; or by who keeps all of
    // them from running.
    let connection: any ReadingConnection
    private let readers: EngineReaders

    init(_ connection: any ReadingConnection, of readers: EngineReaders) {
        self.connection = connection
        self.readers = readers
    }

    /// Whether its files are still open; once `false`, it stays that. A read that was interrupted by it is made again, elsewhere.
    public var isOpen: Bool { readers.isOpen(self) }

    /// Has the calling thread use the connection. It waits for a checkpoint, which keeps readers away for as long as it takes.
    ///
    /// - Throws: what `body` throws, or `CURSOR_CLOSED` when the files were closed meanwhile.
    public func run<Value>(_ body: (any EngineConnection) throws(SQLError) -> Value) throws(SQLError) -> Value {
        guard readers.begin(self) else { throw Self.closed }
        defer { readers.end(self) }
        return try body(connection)
    }

    /// ``EngineDatabase/commitMark``, as this reader sees it: everything that it has shown was committed before.
    public var commitMark: UInt64 { readers.mark(self) }

    /// Ends what is open on it, for another client; ``giveBack()`` does that as well.
    ///
    /// - Returns: whether it is of use to another one.
    public func becomeReady() -> Bool {
        guard readers.begin(self) else { return false }
        defer { readers.end(self) }
        return connection.becomeReady()
    }

    /// Keeps it for the next one. What is open on it ends. Twice does nothing, unless somebody has it by then.
    public func giveBack() { readers.giveBack(self) }

    static let closed = SQLError(code: "CURSOR_CLOSED", message: "the files were closed while they were read: ask again")
}
