import Crypto

extension SHA256 {
    /// Hashes the bytes where they lie, without a copy.
    mutating func update(_ bytes: ArraySlice<UInt8>) {
        bytes.withUnsafeBytes { update(bufferPointer: $0) }
    }

    mutating func update(bigEndian value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { update(bufferPointer: $0) }
    }
}

extension SHA256Digest {
    /// The first eight bytes as a big-endian integer: the 64-bit checksum of `.hadbp` and of bundle entries.
    var leading64: UInt64 { prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }
}
