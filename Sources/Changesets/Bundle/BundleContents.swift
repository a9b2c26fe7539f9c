/// The contents of one bundle object: changesets of many databases, explained without any other source.
///
/// The object's layout, version 1. All integers are big-endian; there are no gaps.
///
/// **Header**, 96 bytes
///
/// | offset | size | field |
/// |---|---|---|
/// | 0 | 6 | magic `BERTHB` |
/// | 6 | 2 | version, 1 |
/// | 8 | 16 | session that wrote it |
/// | 24 | 8 | number of the bundle within the session |
/// | 32 | 1 | length of the node's name, 1…63 |
/// | 33 | 63 | the node's name, ASCII, then zeros |
///
/// **Entries**: their stored bytes, one after another, in the order of the index.
///
/// **Index**: one row of 104 bytes per entry
///
/// | offset | size | field |
/// |---|---|---|
/// | 0 | 16 | database |
/// | 16 | 8 | epoch, signed |
/// | 24 | 8 | first seq |
/// | 32 | 8 | last seq |
/// | 40 | 8 | chain value before; 0 for a snapshot |
/// | 48 | 8 | chain value after |
/// | 56 | 8 | offset of the stored bytes in the object |
/// | 64 | 8 | stored length |
/// | 72 | 8 | raw length |
/// | 80 | 8 | stored checksum: first 8 bytes of SHA-256 over the stored bytes |
/// | 88 | 8 | created, Unix milliseconds, signed |
/// | 96 | 4 | page size |
/// | 100 | 1 | kind: 0 delta, 1 snapshot |
/// | 101 | 1 | compression: 0 none, 1 zstd |
/// | 102 | 2 | zero |
///
/// **Footer**, the last 56 bytes
///
/// | offset | size | field |
/// |---|---|---|
/// | 0 | 8 | offset of the index in the object |
/// | 8 | 4 | length of the index |
/// | 12 | 4 | number of entries |
/// | 16 | 32 | SHA-256 over the header, the index and the 16 bytes before this field |
/// | 48 | 6 | magic `BERTHE` |
/// | 54 | 2 | version, 1 |
///
/// Every byte is covered: the entries' by the checksums in the index, the rest by the footer's or by being constant.
/// So an entry fetched alone with a ranged GET is verified as strictly as one read from the whole object.
public struct BundleContents: Sendable, Equatable {
    public var header: BundleHeader
    /// In the order of their stored bytes.
    public var entries: [BundleEntry]

    public init(header: BundleHeader, entries: [BundleEntry]) {
        self.header = header
        self.entries = entries
    }
}

enum BundleLayout {
    static let version: UInt16 = 1
    static let headerMagic: [UInt8] = Array("BERTHB".utf8)
    static let footerMagic: [UInt8] = Array("BERTHE".utf8)
    static let headerLength = 96
    static let nodeNameCapacity = 63
    static let rowLength = 104
    static let footerLength = 56
    /// Of the footer: what its checksum covers.
    static let footerFieldsLength = 16
    static let footerChecksumLength = 32
}
