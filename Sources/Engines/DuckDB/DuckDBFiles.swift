import Changesets
import Foundation

/// The files of one database, and how they are numbered as pages.
///
/// A set of pages covers two files. Ids below ``walBase`` are pages of the main file, from 0: first three headers of one
/// page each, then the blocks. Ids from ``walBase`` are pages of the WAL, the last of which may be short. An empty entry marks
/// an end: one right behind the main file's last page, in every set; and one right behind the WAL's last page, in every set
/// with pages of the WAL, or when the WAL was cut or removed (then at ``walBase`` itself).
struct DuckDBFiles {
    /// Bytes.
    static let pageSize = 4096
    static let headerPages = 3
    static let headerBytes = headerPages * pageSize
    static let walBase: UInt64 = 1 << 48

    let main: String
    var wal: String { main + ".wal" }
    /// What is committed while DuckDB checkpoints; it becomes the WAL at the end of that.
    var checkpointLog: String { wal + ".checkpoint" }
    /// What DuckDB makes for a moment while it checkpoints or recovers, and a crash leaves.
    var leftovers: [String] { [checkpointLog, wal + ".recovery"] }

    /// Where DuckDB puts what does not fit into memory.
    var temporary: String { main + ".tmp" }

    /// Of the files, which is not told to clients.
    var directory: String { (main as NSString).deletingLastPathComponent }

    init(_ path: String) { main = path }
}
