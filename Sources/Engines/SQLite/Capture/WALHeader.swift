/// The first 32 bytes of a WAL.
///
/// Source: "WAL File Format" in <https://www.sqlite.org/fileformat2.html>.
struct WALHeader: Hashable, Sendable {
    static let byteCount = 32
    /// The lowest bit says how the checksum reads its words: 1 for big-endian.
    private static let magic: UInt32 = 0x377F_0682
    private static let version: UInt32 = 3_007_000

    let pageSize: Int
    let bigEndianChecksums: Bool
    let salts: WALSalts
    /// Where the checksums of the frames start from.
    let checksum: WALChecksum

    /// `nil` when SQLite would find no valid header either, and so an empty WAL.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.byteCount else { return nil }
        let magic = bytes.bigEndianUInt32(at: 0)
        let pageSize = bytes.bigEndianUInt32(at: 8)
        guard magic & ~1 == Self.magic, bytes.bigEndianUInt32(at: 4) == Self.version,
            (512...65_536).contains(pageSize), pageSize.nonzeroBitCount == 1
        else { return nil }
        bigEndianChecksums = magic & 1 == 1
        var checksum = WALChecksum()
        checksum.update(UnsafeRawBufferPointer(rebasing: bytes[..<24]), bigEndian: bigEndianChecksums)
        guard checksum.s0 == bytes.bigEndianUInt32(at: 24), checksum.s1 == bytes.bigEndianUInt32(at: 28) else {
            return nil
        }
        self.pageSize = Int(pageSize)
        salts = WALSalts(first: bytes.bigEndianUInt32(at: 16), second: bytes.bigEndianUInt32(at: 20))
        self.checksum = checksum
    }

    /// Before the first frame.
    var start: WALCursor { WALCursor(salts: salts, nextFrame: 0, checksum: checksum) }
    var frameSize: Int { WALFrame.headerByteCount + pageSize }
    /// Where the frame with this 0-based number begins.
    func offset(ofFrame frame: Int) -> Int { Self.byteCount + frame * frameSize }
}

/// Two numbers that change whenever a WAL begins anew, so that its old frames no longer count.
struct WALSalts: Hashable, Sendable, Codable {
    var first: UInt32
    var second: UInt32

    /// Of a WAL that no writer has begun since the database was opened.
    static let none = WALSalts(first: 0, second: 0)
}

/// A point after a commit in a WAL, from which reading can go on.
struct WALCursor: Hashable, Sendable, Codable {
    var salts: WALSalts
    /// 0-based number of the frame after the commit.
    var nextFrame: Int
    /// Of everything before `nextFrame`.
    var checksum: WALChecksum
}

/// The 24 bytes before each page.
struct WALFrame {
    static let headerByteCount = 24

    let pageNumber: UInt32
    /// Pages in the database after this commit; 0 for a frame that is not the last of its transaction.
    let pagesAfterCommit: UInt32

    /// Checks a frame, header and page, against the salts and the checksum before it; `nil` when it is not valid, which is
    /// where a WAL ends.
    init?(_ bytes: UnsafeRawBufferPointer, of header: WALHeader, checksum: inout WALChecksum) {
        pageNumber = bytes.bigEndianUInt32(at: 0)
        pagesAfterCommit = bytes.bigEndianUInt32(at: 4)
        guard pageNumber != 0, bytes.bigEndianUInt32(at: 8) == header.salts.first,
            bytes.bigEndianUInt32(at: 12) == header.salts.second
        else { return nil }
        var next = checksum
        next.update(UnsafeRawBufferPointer(rebasing: bytes[..<8]), bigEndian: header.bigEndianChecksums)
        next.update(
            UnsafeRawBufferPointer(rebasing: bytes[Self.headerByteCount...]), bigEndian: header.bigEndianChecksums)
        guard next.s0 == bytes.bigEndianUInt32(at: 16), next.s1 == bytes.bigEndianUInt32(at: 20) else { return nil }
        checksum = next
    }
}
