public import FleetModel
import Foundation

/// The connections that read a database beside its writer, each on a thread of its own.
///
/// Unlike the database itself it may be used from any thread. Readers write nothing: what is run on them is asked to read only, which the engine
/// sees to. The database's owner can keep them from running, for a checkpoint (``paused(_:)``), and close them (``shut()``): neither
/// waits for the end of a long read, the one leaves it, the other interrupts it.
public final class EngineReaders: @unchecked Sendable {
    // Safe: everything mutable is used under the lock of `condition`.
    private let condition = NSCondition()
    private let connect: @Sendable () throws(SQLError) -> any ReadingConnection
    private let readMark: @Sendable (any ReadingConnection) -> UInt64
    private let descriptorsEach: Bool
    private let isUsable: @Sendable () -> Bool
    /// Those that are open.
    private var readers: [EngineReader] = []
    private var idle: [EngineReader] = []
    private var running: [EngineReader] = []
    /// Of them, those that were given back meanwhile.
    private var abandoned: [EngineReader] = []
    /// Being opened.
    private var opening = 0
    /// The database's owner needs them to rest.
    private var holds = 0
    private var isShut = false
    private var mostReaders = 0

    /// Idle ones that are kept open; further ones are closed when nobody uses them.
    private static let kept = 2
    /// How long a checkpoint waits for reads to end that are under way.
    private static let patience: TimeInterval = 0.01
    /// An engine forgets an interrupt that comes before its statement has begun: it is told again.
    private static let interruptInterval: TimeInterval = 0.001

    /// - Parameters:
    ///   - takesDescriptors: each connection takes one of a log, and the main file once more.
    ///   - isUsable: `false` while the engine refuses everything until the files are closed and opened again.
    ///   - mark: ``EngineDatabase/commitMark``, found out by a reader.
    ///   - connect: opens a further connection.
    init(
        takesDescriptors: Bool, isUsable: @escaping @Sendable () -> Bool = { true }, mark: @escaping @Sendable (any ReadingConnection) -> UInt64,
        connect: @escaping @Sendable () throws(SQLError) -> any ReadingConnection
    ) {
        descriptorsEach = takesDescriptors
        self.isUsable = isUsable
        readMark = mark
        self.connect = connect
    }

    private func locked<Value>(_ body: () -> Value) -> Value {
        condition.lock()
        defer { condition.unlock() }
        return body()
    }

    // MARK: Reading

    /// A connection to read with: an idle one, else a new one.
    ///
    /// - Returns: `nil` while the files are closed, or have to be: the database's owner sees to that.
    /// - Throws: when it cannot be opened.
    public func take() throws(SQLError) -> EngineReader? {
        let kept = locked { () -> EngineReader?? in
            waitWhileHeld()
            guard !isShut, isUsable() else { return .some(nil) }
            if let reader = idle.popLast() { return reader }
            opening += 1
            return .none
        }
        if let kept { return kept }
        let connection: any ReadingConnection
        do throws(SQLError) { connection = try connect() } catch {
            locked {
                opening -= 1
                condition.broadcast()
            }
            throw error
        }
        return locked {
            opening -= 1
            condition.broadcast()
            let reader = EngineReader(connection, of: self)
            readers.append(reader)
            mostReaders = max(mostReaders, readers.count)
            return reader
        }
    }

    /// Descriptors that they take, at most.
    public var descriptors: Int { locked { descriptorsEach ? readers.count + mostReaders : 0 } }

    /// What ``take()`` would add to ``descriptors`` now.
    public var descriptorsOfNext: Int {
        locked {
            guard descriptorsEach, idle.isEmpty else { return 0 }
            return readers.count < mostReaders ? 1 : 2
        }
    }

    private func waitWhileHeld() { while holds > 0 && !isShut { condition.wait() } }

    func isOpen(_ reader: EngineReader) -> Bool { locked { !isShut && readers.contains { $0 === reader } } }

    func begin(_ reader: EngineReader) -> Bool {
        locked {
            waitWhileHeld()
            guard readers.contains(where: { $0 === reader }), !isShut else { return false }
            invariant(!running.contains { $0 === reader } && !idle.contains { $0 === reader }, "a reader is used twice at once, or by nobody it was given to")
            running.append(reader)
            return true
        }
    }

    func end(_ reader: EngineReader) {
        locked {
            running.removeAll { $0 === reader }
            if abandoned.contains(where: { $0 === reader }) { close(reader) }
            condition.broadcast()
        }
    }

    private func close(_ reader: EngineReader) {
        reader.connection.close()
        readers.removeAll { $0 === reader }
        abandoned.removeAll { $0 === reader }
    }

    func mark(_ reader: EngineReader) -> UInt64 {
        guard begin(reader) else { return .max }
        defer { end(reader) }
        return readMark(reader.connection)
    }

    func giveBack(_ reader: EngineReader) {
        let isAtWork = locked {
            let isAtWork = running.contains { $0 === reader }
            if isAtWork { abandoned.append(reader) }
            return isAtWork || idle.contains { $0 === reader }
        }
        guard !isAtWork, begin(reader) else { return }
        let isReady = reader.connection.becomeReady()
        locked {
            running.removeAll { $0 === reader }
            if isReady && idle.count < Self.kept {
                idle.append(reader)
            } else {
                close(reader)
            }
            condition.broadcast()
        }
    }

    /// Closes those that nobody has taken: what a connection keeps in memory, and its log's descriptor.
    public func closeIdle() {
        locked {
            for reader in idle { close(reader) }
            idle = []
        }
    }

    // MARK: By the database's owner

    /// Runs `body` while no read begins.
    ///
    /// - Parameter body: is told whether nothing is being read, and no reader has anything open: reads that are under way get a moment to end.
    func paused<Value, Failure: Error>(_ body: (_ isAtRest: Bool) throws(Failure) -> Value) throws(Failure) -> Value {
        let isAtRest = locked {
            holds += 1
            let limit = Date(timeIntervalSinceNow: Self.patience)
            while !running.isEmpty || opening > 0 {
                guard condition.wait(until: limit) else { break }
            }
            return running.isEmpty && opening == 0 && readers.allSatisfy { $0.connection.isIdle }
        }
        defer {
            locked {
                holds -= 1
                condition.broadcast()
            }
        }
        return try body(isAtRest)
    }

    /// Closes all of them, and interrupts those that read; nobody reads before ``open()``. Twice does nothing.
    func shut() {
        locked {
            isShut = true
            // Those that wait to begin do not.
            condition.broadcast()
            while !running.isEmpty || opening > 0 {
                for reader in running { reader.connection.interruptHandle() }
                _ = condition.wait(until: Date(timeIntervalSinceNow: Self.interruptInterval))
            }
            for reader in readers { reader.connection.close() }
            readers = []
            idle = []
            abandoned = []
            mostReaders = 0
        }
    }

    /// The files are open, after ``shut()``.
    func open() { locked { isShut = false } }
}
