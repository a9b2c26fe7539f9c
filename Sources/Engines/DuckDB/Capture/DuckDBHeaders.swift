/// The first three pages of a main file: one for the whole file and two that take turns with every checkpoint.
///
/// Source: `MainHeader` and `DatabaseHeader` in DuckDB's `storage_info.hpp`. Each page begins with an 8-byte checksum. A
/// database header goes on with: iteration, first metadata block, free list, number of blocks, bytes per block; all
/// 64 bits wide and little-endian.
struct DuckDBHeaders: Hashable {
    let bytes: [UInt8]

    /// - Parameter bytes: `DuckDBFiles.headerBytes` of them.
    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Which checkpoint wrote the newer of the two.
    var iteration: UInt64 { max(word(1, 1), word(2, 1)) }

    /// Bytes of a block; `nil` when there is no DuckDB file of a kind that is known here.
    var blockSize: Int? {
        guard bytes.count == DuckDBFiles.headerBytes, bytes[8..<12].elementsEqual("DUCK".utf8) else { return nil }
        let newer = word(2, 1) > word(1, 1) ? 2 : 1
        guard let size = Int(exactly: word(newer, 5)), (16_384...262_144).contains(size), size.nonzeroBitCount == 1 else { return nil }
        return size
    }

    private func word(_ page: Int, _ index: Int) -> UInt64 {
        bytes.withUnsafeBytes {
            UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: page * DuckDBFiles.pageSize + index * 8, as: UInt64.self))
        }
    }
}
