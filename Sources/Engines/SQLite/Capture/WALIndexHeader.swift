import CSQLite
import FleetModel
import Glibc

/// How far the WAL reaches as SQLite counts it: the header of the WAL index, which every commit moves as its last step.
///
/// The WAL itself does not say. A commit whose last step failed (no memory or no disk for the index) left a commit frame with a
/// valid checksum, which the client was told is not there and the next commit overwrites; a frame damaged after its commit ends
/// the log for whoever reads the file, and not for SQLite.
///
/// Source: `WalIndexHdr` in SQLite's `wal.c` and "The WAL-Index Header" in <https://www.sqlite.org/walformat.html>.
struct WALIndexHeader: Hashable, Sendable {
    static let byteCount = 48

    /// Commits since SQLite last read the WAL whole, which it does when it opens it.
    let changes: UInt32
    let pageSize: Int
    /// Pages in the database after the last commit.
    let pageCount: UInt32
    /// After the last commit; in a WAL that is about to begin anew, or has no commit, before its first frame.
    let end: WALCursor

    /// Frames up to the last commit; none when everything is in the main file.
    var frameCount: Int { end.nextFrame }

    /// - Parameter bytes: the beginning of the index. `nil` when SQLite has not filled it in, or is doing so.
    init?(_ bytes: UnsafeRawBufferPointer) {
        // Written twice, one after the other, so that half of a change is noticed.
        guard bytes.count >= 2 * Self.byteCount,
            bytes[..<Self.byteCount].elementsEqual(bytes[Self.byteCount..<2 * Self.byteCount]), bytes[12] != 0
        else { return nil }
        func number(_ offset: Int) -> UInt32 { bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
        changes = number(8)
        let pageSize = Int(bytes.loadUnaligned(fromByteOffset: 14, as: UInt16.self))
        self.pageSize = pageSize & 0xFE00 + (pageSize & 1) << 16
        pageCount = number(20)
        end = WALCursor(
            // As in the WAL's header, that is big-endian; everything else as the machine has it.
            salts: WALSalts(first: bytes.bigEndianUInt32(at: 32), second: bytes.bigEndianUInt32(at: 36)), nextFrame: Int(number(16)),
            checksum: WALChecksum(s0: number(24), s1: number(28)))
    }
}

extension SQLiteConnection {
    /// What SQLite counts as committed, by any connection.
    ///
    /// - Throws: `SQLITE_PROTOCOL` when the index is not filled in, although the database was read; or SQLite's code.
    func walIndex() throws(SQLError) -> WALIndexHeader {
        // A commit of another thread writes both copies within moments.
        for _ in 0..<Self.attempts {
            if let header = try readWALIndex() { return header }
            sched_yield()
        }
        // The first read of a connection fills it in.
        try runTrusted("SELECT 1 FROM sqlite_schema LIMIT 1")
        guard let header = try readWALIndex() else {
            throw SQLError(code: "SQLITE_PROTOCOL", message: "the WAL index is not filled in")
        }
        return header
    }

    private static let attempts = 16

    private func readWALIndex() throws(SQLError) -> WALIndexHeader? {
        guard let handle else { throw Self.closed }
        var region: UnsafeRawPointer?
        let code = berth_sqlite_wal_index(handle, &region)
        guard code == SQLITE_OK else {
            throw SQLError(code: SQLiteResultCode.name(code), message: "the WAL index cannot be read")
        }
        return region.flatMap { WALIndexHeader(UnsafeRawBufferPointer(start: $0, count: 2 * WALIndexHeader.byteCount)) }
    }
}
