import CSQLite

/// How far the WAL reaches as SQLite knows it: the frames up to the last commit of any connection of this process.
///
/// SQLite keeps in memory which frames are committed and does not look at their checksums again until a crash makes it
/// recover. So a frame damaged after its commit ends the log for whoever reads the file, and not for SQLite; without this
/// number the commits from there on would pass for commits that never were.
///
/// Confined to its database's lane, like the callbacks: SQLite calls them inside its own functions.
final class CommittedFrames {
    /// 0 when nothing was committed since the WAL was last empty, or another program began it anew.
    private(set) var count = 0
    /// Commits since the database was opened.
    private(set) var commits: UInt64 = 0

    func forget() { count = 0 }

    /// Has every commit of a connection counted, in place of SQLite's own checkpoints by size.
    ///
    /// Source: <https://www.sqlite.org/c3ref/wal_hook.html>; the last argument is the frame of the commit.
    func observe(_ handle: OpaquePointer) {
        sqlite3_wal_hook(
            handle,
            { pointer, _, _, frames in
                guard let pointer else { return SQLITE_MISUSE }
                // The connection keeps this object for as long as it is open.
                let committed = Unmanaged<CommittedFrames>.fromOpaque(pointer).takeUnretainedValue()
                committed.count = Int(frames)
                committed.commits += 1
                return SQLITE_OK
            },
            Unmanaged.passUnretained(self).toOpaque())
    }
}
