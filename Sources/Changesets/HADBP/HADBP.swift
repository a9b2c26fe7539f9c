/// The `.hadbp` changeset format, versions 1 and 2: the pages of one database, chained by checksum.
///
/// All integers are big-endian, there is no padding and no compression.
///
/// | offset | size | field |
/// |---|---|---|
/// | 0 | 5 | magic `HADBP` |
/// | 5 | 1 | version: 1, or 2 when compacted |
/// | 6 | 1 | flags: 0x01 an end-page marker is present, 0x80 compacted |
/// | 7 | 1 | width of a page id: 4 (SQLite) or 8 (blocks) |
/// | 8 | 4 | page size |
/// | 12 | 8 | seq |
/// | 20 | 8 | previous checksum |
/// | 28 | 4 | number of entries, the marker included |
/// | 32 | 8 | created, Unix milliseconds, signed |
/// | 40 | 8 | only in version 2: declared end checksum |
/// | 40 or 48 | … | entries: page id, length u32, data; ascending by page id |
/// | end − 8 | 8 | checksum |
///
/// The checksum is the first eight bytes of SHA-256 over the previous checksum and the entries as they lie in the file.
/// Magic, version, flags, sizes, seq, count and created time are *not* hashed: a reader must bind `seq` and the page size
/// to whatever led it to these bytes (`decode` takes both), and a bundle covers every byte with its own checksum.
public enum HADBP {
    /// What page ids mean, and which rules follow from it.
    public enum Profile: Sendable, Hashable, CaseIterable {
        /// Page ids are 1-based and 32 bits wide. An incremental ends with an empty entry whose id is one more than the
        /// number of pages the file has afterwards.
        case sqlite
        /// Block ids are 0-based and 64 bits wide; there is no marker.
        case blocks

        /// Bytes of a page id.
        public var pageIDWidth: Int {
            switch self {
            case .sqlite: 4
            case .blocks: 8
            }
        }

        /// Bytes before the content of an entry.
        var entryHeadLength: Int { pageIDWidth + Layout.lengthFieldWidth }

        var maximumPageID: UInt64 {
            switch self {
            case .sqlite: UInt64(UInt32.max)
            case .blocks: .max
            }
        }
    }

    enum Layout {
        static let magic: [UInt8] = Array("HADBP".utf8)
        static let headerLength = 40
        static let declaredEndLength = 8
        static let checksumLength = 8
        static let lengthFieldWidth = 4
        static let minimumLength = headerLength + checksumLength
        static let compactedMinimumLength = minimumLength + declaredEndLength
    }

    struct Flags: OptionSet {
        let rawValue: UInt8
        static let endPageMarker = Flags(rawValue: 0x01)
        static let compacted = Flags(rawValue: 0x80)
    }
}
