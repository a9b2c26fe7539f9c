/// Opens bundles: whole, or by their ends with ranged reads.
///
/// With ranged reads: fetch the last `footerLength` bytes (or more, to have a small index with them), ask `footer` where
/// the index lies, fetch that and the first `headerLength` bytes, and give both to `index`.
public enum BundleReader {
    /// Bytes at the start of the object that `index` needs.
    public static let headerLength = BundleLayout.headerLength
    /// Bytes at the end of the object that `footer` needs at least.
    public static let footerLength = BundleLayout.footerLength

    /// Where the index lies.
    ///
    /// - Parameters:
    ///   - tail: the end of the object, at least `footerLength` bytes.
    ///   - objectSize: bytes of the whole object, as the store reports it.
    /// - Throws: `BundleError`.
    public static func footer(
        fromTail tail: ArraySlice<UInt8>, objectSize: UInt64
    ) throws(BundleError) -> BundleFooter {
        guard tail.count >= footerLength else { throw .tooShort(length: tail.count, minimum: footerLength) }
        return try BundleFooter(from: tail.suffix(footerLength), objectSize: objectSize)
    }

    /// What the bundle holds, verified against the footer's checksum.
    ///
    /// - Parameters:
    ///   - header: the first `headerLength` bytes of the object.
    ///   - index: the bytes of `footer.indexRange`.
    /// - Throws: `BundleError`.
    public static func index(
        header: ArraySlice<UInt8>, index: ArraySlice<UInt8>, footer: BundleFooter
    ) throws(BundleError) -> BundleContents {
        try BundleHeader.checkMagic(header)
        guard header.count == headerLength else {
            throw .partLengthMismatch(expected: headerLength, found: header.count)
        }
        guard UInt64(index.count) == UInt64(footer.indexRange.count) else {
            throw .partLengthMismatch(expected: footer.indexRange.count, found: index.count)
        }
        try footer.verify(header: header, index: index)

        var reader = ByteReader(index)
        var entries: [BundleEntry] = []
        entries.reserveCapacity(footer.entryCount)
        var end = UInt64(headerLength)
        for row in 0..<footer.entryCount {
            let entry = try BundleEntry(fromRow: &reader, index: row)
            guard entry.offset == end, let range = entry.storedRange else { throw .entriesNotContiguous(index: row) }
            end = range.upperBound
            entries.append(entry)
        }
        guard end == footer.indexRange.lowerBound else { throw .entriesNotContiguous(index: footer.entryCount) }
        return BundleContents(header: try BundleHeader(from: header), entries: entries)
    }

    /// What a whole bundle holds. Each entry's stored bytes are verified when they are read.
    ///
    /// - Throws: `BundleError`.
    public static func open(_ whole: [UInt8]) throws(BundleError) -> BundleContents {
        try BundleHeader.checkMagic(whole[...])
        let footer = try footer(fromTail: whole[...], objectSize: UInt64(whole.count))
        // The footer's range lies within the object of the size it was checked against.
        let index = whole[Int(footer.indexRange.lowerBound)..<Int(footer.indexRange.upperBound)]
        return try self.index(header: whole[..<headerLength], index: index, footer: footer)
    }

    /// The stored bytes of one entry in a whole bundle.
    ///
    /// - Throws: `BundleError.storedLengthMismatch` when the object ends before them.
    public static func stored(_ entry: BundleEntry, in whole: [UInt8]) throws(BundleError) -> ArraySlice<UInt8> {
        guard let range = entry.storedRange, range.upperBound <= UInt64(whole.count) else {
            let available = UInt64(whole.count) - min(entry.offset, UInt64(whole.count))
            throw .storedLengthMismatch(expected: entry.storedLength, found: Int(available))
        }
        return whole[Int(range.lowerBound)..<Int(range.upperBound)]
    }
}
