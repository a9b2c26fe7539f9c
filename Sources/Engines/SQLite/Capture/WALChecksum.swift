/// The running checksum of a WAL: over its header, then on over every frame.
///
/// Source: "Checksum Algorithm" in <https://www.sqlite.org/fileformat2.html>.
struct WALChecksum: Hashable, Sendable, Codable {
    var s0: UInt32 = 0
    var s1: UInt32 = 0

    /// - Parameters:
    ///   - bytes: a multiple of 8 bytes.
    ///   - bigEndian: how the words of `bytes` are to be read; the WAL's magic number says so.
    mutating func update(_ bytes: UnsafeRawBufferPointer, bigEndian: Bool) {
        var (s0, s1) = (s0, s1)
        for offset in stride(from: 0, to: bytes.count, by: 8) {
            let first = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
            let second = bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)
            s0 &+= (bigEndian ? UInt32(bigEndian: first) : UInt32(littleEndian: first)) &+ s1
            s1 &+= (bigEndian ? UInt32(bigEndian: second) : UInt32(littleEndian: second)) &+ s0
        }
        (self.s0, self.s1) = (s0, s1)
    }
}

extension UnsafeRawBufferPointer {
    /// A big-endian number, which is how SQLite stores all of them.
    func bigEndianUInt32(at offset: Int) -> UInt32 {
        UInt32(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
}
