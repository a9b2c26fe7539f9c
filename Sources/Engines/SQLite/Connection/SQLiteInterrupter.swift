import CSQLite
import Synchronization

/// Stops whatever a connection is running, from any thread.
public final class SQLiteInterrupter: Sendable {
    /// The connection's address while it is open: the lock keeps it from being closed under `interrupt()`.
    private let address: Mutex<UInt>

    init(_ handle: OpaquePointer) { address = Mutex(UInt(bitPattern: handle)) }

    /// The running statement fails with `SQLITE_INTERRUPT`. Without one, or after closing, nothing happens.
    public func interrupt() {
        address.withLock { address in
            if let handle = OpaquePointer(bitPattern: address) { sqlite3_interrupt(handle) }
        }
    }

    func invalidate() { address.withLock { $0 = 0 } }
}
