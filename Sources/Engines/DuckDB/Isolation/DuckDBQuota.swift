import FleetModel
import Foundation

/// How large the files of a database may become: what is free in them does not count.
///
/// Shared by a database and its connections, confined to their lane.
final class DuckDBQuota {
    let path: String
    let maximumBytes: Int64
    /// Tells what is free, and makes room; `nil` while it is being opened.
    weak var database: DuckDBDatabase?

    init(path: String, maximumBytes: Int64) {
        self.path = path
        self.maximumBytes = maximumBytes
    }

    /// - Throws: `DUCKDB_FULL`.
    func check() throws(SQLError) {
        guard isReached else { return }
        throw SQLError(
            code: "DUCKDB_FULL", message: "the database has reached its largest size of \(maximumBytes) bytes: delete or drop something")
    }

    /// For a statement outside a transaction, before it begins: what was deleted gives its place back only with a checkpoint.
    ///
    /// - Throws: `DUCKDB_FULL`.
    func checkOrMakeRoom() throws(SQLError) {
        if isReached { database?.makeRoom() }
        try check()
    }

    private var isReached: Bool {
        let size = fileBytes()
        // Asking DuckDB costs a query: only of files that are large enough to matter.
        return size >= maximumBytes && size - (database?.freeBytes() ?? 0) >= maximumBytes
    }

    private func fileBytes() -> Int64 {
        [path, DuckDBFiles(path).wal].reduce(0) { sum, file in
            var status = stat()
            return stat(file, &status) == 0 ? sum + Int64(status.st_size) : sum
        }
    }
}
