/// What the files looked like at one moment: enough to tell which parts of them differ at another.
struct DuckDBState: Hashable {
    /// Enough of the WAL's beginning to tell one WAL from the next: its version, the database and the checkpoint it follows.
    static let walIdentityBytes = 128

    var headers: DuckDBHeaders
    /// Bytes of a block.
    var blockSize: Int
    /// The checksum that every block begins with. In place of the content: a block that changed has another one.
    var blocks: [UInt64]
    /// Bytes of the WAL; 0 when there is none.
    var walBytes: Int
    var walIdentity: [UInt8]
    /// Of every byte of the WAL, when its length and beginning are not enough to tell what it holds; see ``DuckDBDatabase/walMayBeTorn``.
    var walDigest: UInt64?

    var mainPages: Int { DuckDBFiles.headerPages + blocks.count * blockSize / DuckDBFiles.pageSize }
    var walPages: Int { (walBytes + DuckDBFiles.pageSize - 1) / DuckDBFiles.pageSize }

    /// Nothing was committed between `self` and `other`: blocks that no header and no WAL entry refers to do not count.
    func hasSameCommits(as other: DuckDBState) -> Bool {
        headers == other.headers && walBytes == other.walBytes && walIdentity == other.walIdentity
            && (walDigest == other.walDigest || walDigest == nil || other.walDigest == nil)
    }

    /// As if these blocks had had another content.
    func forgetting(_ forgotten: Set<Int>) -> DuckDBState {
        var state = self
        for block in forgotten where block < blocks.count { state.blocks[block] = ~blocks[block] }
        return state
    }

    /// Whether the WAL is that of `former`, and only grew.
    func walContinues(_ former: DuckDBState) -> Bool {
        headers == former.headers && walBytes >= former.walBytes && former.walBytes > 0 && walDigest == nil && former.walDigest == nil
            && walIdentity.starts(with: former.walIdentity)
    }
}
