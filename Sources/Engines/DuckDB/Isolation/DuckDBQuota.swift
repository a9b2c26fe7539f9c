import FleetModel
import Foundation

/// How large the files of a database may become.
struct DuckDBQuota {
    let path: String
    let maximumBytes: Int64

    /// - Throws: `DUCKDB_FULL`.
    func check() throws(SQLError) {
        guard usedBytes() >= maximumBytes else { return }
        throw SQLError(
            code: "DUCKDB_FULL", message: "the database has reached its largest size of \(maximumBytes) bytes: delete or drop something")
    }

    private func usedBytes() -> Int64 {
        [path, DuckDBFiles(path).wal].reduce(0) { sum, file in
            var status = stat()
            return stat(file, &status) == 0 ? sum + Int64(status.st_size) : sum
        }
    }
}
