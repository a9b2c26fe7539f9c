import FleetModel
import Foundation

/// How large the files of a database may become, its log and its temporary ones included: what is free in them does not count.
///
/// Shared by a database and its connections, confined to their lane.
final class DuckDBQuota {
    let path: String
    let maximumBytes: Int64
    /// Whether the disk has room; `nil` where nobody looks.
    private let disk: DiskRoom?
    /// Tells what is free, and makes room; `nil` while it is being opened.
    weak var database: DuckDBDatabase?

    init(path: String, maximumBytes: Int64, disk: DiskRoom? = nil) {
        self.path = path
        self.maximumBytes = maximumBytes
        self.disk = disk
    }

    /// - Throws: `DUCKDB_FULL`, `NODE_DISK_FULL`.
    func check() throws(SQLError) {
        guard disk?.hasRoom() ?? true else { throw .nodeDiskFull }
        guard isReached else { return }
        let files = DuckDBFiles(path)
        throw SQLError(
            code: "DUCKDB_FULL",
            message: "the database has reached its largest size of \(maximumBytes) bytes: its file has \(Self.bytes(of: path)), of which "
                + "\(database?.freeBytes() ?? 0) are free, its log \(Self.bytes(of: files.wal)), and temporary files \(temporaryBytes(files.temporary)). "
                + "Delete or drop something, or write less at a time")
    }

    /// For a statement outside a transaction, before it begins: what was deleted gives its place back only with a checkpoint.
    ///
    /// - Throws: `DUCKDB_FULL`, `NODE_DISK_FULL`.
    func checkOrMakeRoom() throws(SQLError) {
        if isReached { database?.makeRoom() }
        try check()
    }

    private var isReached: Bool {
        let size = fileBytes()
        // Asking DuckDB costs a query: only of files that are large enough to matter.
        return size >= maximumBytes && size - (database?.freeBytes() ?? 0) >= maximumBytes
    }

    /// Statements keep something there at the moment.
    var hasTemporaryFiles: Bool { temporaryBytes(DuckDBFiles(path).temporary) > 0 }

    private func fileBytes() -> Int64 {
        let files = DuckDBFiles(path)
        return [path, files.wal].reduce(temporaryBytes(files.temporary)) { $0 + Self.bytes(of: $1) }
    }

    /// Of files that may come and go meanwhile. DuckDB makes the folder when it needs one, and has a few files in it. What cannot be asked now is asked at
    /// the next task.
    private func temporaryBytes(_ folder: String) -> Int64 {
        let names = (try? FileSystem.names(in: folder)) ?? []
        return names.reduce(0) { $0 + Self.bytes(of: "\(folder)/\($1)") }
    }

    /// As they lie on the disk: a file of temporary blocks may have holes.
    private static func bytes(of file: String) -> Int64 {
        var status = stat()
        guard stat(file, &status) == 0 else { return 0 }
        return min(Int64(status.st_size), Int64(status.st_blocks) * 512)
    }
}
