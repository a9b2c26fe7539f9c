import CDuckDB
import Synchronization

/// Stops whatever a connection is running, from any thread.
final class DuckDBInterrupter: Sendable {
    private let library: DuckDBLibrary
    /// The connection's address while it is open: the lock keeps it from being closed under `interrupt()`.
    private let address: Mutex<UInt>

    init(_ handle: duckdb_connection, library: DuckDBLibrary) {
        self.library = library
        address = Mutex(UInt(bitPattern: handle))
    }

    /// The running statement fails with `DUCKDB_INTERRUPT`. Without one, or after closing, nothing happens.
    func interrupt() {
        address.withLock { address in
            if let handle = duckdb_connection(bitPattern: address) { library.api.interrupt(handle) }
        }
    }

    func invalidate() { address.withLock { $0 = 0 } }
}
