import FleetModel

extension HADBP {
    /// Parses and verifies a changeset.
    ///
    /// Checks, in this order: length, magic, version, width of page ids, flags, page size, each entry's bounds, trailer,
    /// nothing after it, checksum; then that these are the bytes the caller was led to; then the rules of the profile.
    /// Nothing is allocated before it is known to fit the bytes given. The content of the pages is copied once.
    ///
    /// - Parameters:
    ///   - expectedSeq: what the index said; the format does not protect it.
    ///   - expectedPageSize: what the index said, in bytes; the format does not protect it.
    ///   - expectedKind: what the index said. A SQLite delta must carry its end-page marker, a SQLite snapshot must not
    ///     and must hold every page. When `nil`, a set without marker must hold every page if nothing precedes it.
    /// - Throws: `HADBPError`, one case per thing that can be wrong.
    public static func decode(
        _ bytes: [UInt8], profile: Profile, expectedSeq: UInt64? = nil, expectedPageSize: Int? = nil,
        expectedKind: ChangesetKind? = nil
    ) throws(HADBPError) -> Changeset {
        try decode(
            bytes[...], profile: profile, expectedSeq: expectedSeq, expectedPageSize: expectedPageSize,
            expectedKind: expectedKind)
    }

    /// As for an array.
    public static func decode(
        _ bytes: ArraySlice<UInt8>, profile: Profile, expectedSeq: UInt64? = nil, expectedPageSize: Int? = nil,
        expectedKind: ChangesetKind? = nil
    ) throws(HADBPError) -> Changeset {
        var reader = ByteReader(bytes)
        let parsed = try parse(&reader, profile: profile, expectedSeq, expectedPageSize) { entries, previous in
            checksum(previousChecksum: previous, entries: bytes[entries])
        }
        return try changeset(parsed, profile: profile, expectedKind) { contents, pageSize, endPageCount in
            copy(contents, of: bytes, pageSize: pageSize, endPageCount: endPageCount)
        }
    }

    /// As for an array. The pages stay where they are in the file.
    ///
    /// - Throws: also ``HADBPError/file(_:)``.
    public static func decode(
        _ file: SpoolFile, profile: Profile, expectedSeq: UInt64? = nil, expectedPageSize: Int? = nil,
        expectedKind: ChangesetKind? = nil
    ) throws(HADBPError) -> Changeset {
        var reader: FileByteReader
        do throws(FileFailure) { reader = try FileByteReader(file) } catch { throw .file(error) }
        let parsed: Parsed
        do throws(HADBPError) {
            parsed = try parse(&reader, profile: profile, expectedSeq, expectedPageSize) { entries, previous throws(HADBPError) in
                do throws(FileFailure) {
                    return try checksum(previousChecksum: previous, entriesIn: file, entries)
                } catch { throw .file(error) }
            }
        } catch {
            // What could not be read looks as if it were not there.
            throw reader.failure.map { .file($0) } ?? error
        }
        return try changeset(parsed, profile: profile, expectedKind) { contents, pageSize, endPageCount in
            PageSet(pageSize: pageSize, endPageCount: endPageCount, pages: Array(contents), content: .file(file))
        }
    }

    private struct Parsed {
        var header: Header
        var entries: [PageSet.Page]
        var checksum: UInt64
    }

    /// - Parameter compute: the checksum of the entries, which lie in this range, after this checksum.
    private static func parse(
        _ reader: inout some ByteSource, profile: Profile, _ expectedSeq: UInt64?, _ expectedPageSize: Int?,
        checksum compute: (Range<Int>, UInt64) throws(HADBPError) -> UInt64
    ) throws(HADBPError) -> Parsed {
        let header = try Header(from: &reader, profile: profile)
        let entriesStart = reader.position
        let entries = try readEntries(header, profile: profile, from: &reader)
        let entriesEnd = reader.position
        let remaining = reader.remaining
        guard let stored = reader.read(UInt64.self) else { throw .trailerTruncated(remaining: remaining) }
        if reader.remaining > 0 { throw .trailingBytes(reader.remaining) }
        let computed = try compute(entriesStart..<entriesEnd, header.previousChecksum)
        guard stored == computed else { throw .checksumMismatch(stored: stored, computed: computed) }

        if let expectedSeq, expectedSeq != header.seq {
            throw .seqMismatch(expected: expectedSeq, found: header.seq)
        }
        if let expectedPageSize, expectedPageSize != header.pageSize {
            throw .pageSizeMismatch(expected: expectedPageSize, found: header.pageSize)
        }
        return Parsed(header: header, entries: entries, checksum: stored)
    }

    private static func changeset(
        _ parsed: Parsed, profile: Profile, _ expectedKind: ChangesetKind?,
        pages make: (ArraySlice<PageSet.Page>, _ pageSize: Int, _ endPageCount: UInt64?) -> PageSet
    ) throws(HADBPError) -> Changeset {
        let header = parsed.header
        let (contents, marker) = try splitMarker(from: parsed.entries, flags: header.flags, profile: profile)
        let pages = make(contents, header.pageSize, marker.map { $0 - 1 })
        try profile.check(pages, previousChecksum: header.previousChecksum, kind: expectedKind)
        return Changeset(
            profile: profile, version: header.version, seq: header.seq, previousChecksum: header.previousChecksum,
            createdAt: header.createdAt, pages: pages, checksum: parsed.checksum,
            declaredEndChecksum: header.declaredEndChecksum)
    }

    private static func readEntries(
        _ header: Header, profile: Profile, from reader: inout some ByteSource
    ) throws(HADBPError) -> [PageSet.Page] {
        let smallest = profile.pageIDWidth + Layout.lengthFieldWidth
        guard reader.remaining >= Layout.checksumLength,
            Int(header.pageCount) <= (reader.remaining - Layout.checksumLength) / smallest
        else { throw .pageCountExceedsLength(pageCount: header.pageCount, remaining: reader.remaining) }

        var entries: [PageSet.Page] = []
        entries.reserveCapacity(Int(header.pageCount))
        for index in 0..<Int(header.pageCount) {
            let id =
                switch profile {
                case .sqlite: reader.read(UInt32.self).map(UInt64.init)
                case .blocks: reader.read(UInt64.self)
                }
            guard let id, let length = reader.read(UInt32.self) else { throw .entryTruncated(index: index) }
            guard Int(length) <= header.pageSize else {
                throw .pageTooLong(id: id, length: Int(length), pageSize: header.pageSize)
            }
            guard let range = reader.skip(Int(length)) else { throw .entryTruncated(index: index) }
            entries.append(PageSet.Page(id: id, bytes: range))
        }
        return entries
    }

    /// Takes the end-page marker off the end of the entries.
    private static func splitMarker(
        from entries: [PageSet.Page], flags: Flags, profile: Profile
    ) throws(HADBPError) -> (ArraySlice<PageSet.Page>, marker: UInt64?) {
        guard profile == .sqlite else { return (entries[...], nil) }
        if let first = entries.firstIndex(where: \.bytes.isEmpty) {
            let marker = entries[first].id
            if marker == 0 { throw .pageIDZero }
            guard flags.contains(.endPageMarker) else { throw .markerWithoutFlag(id: marker) }
            guard first == entries.endIndex - 1 else {
                let next = entries[first + 1]
                if next.id <= marker { throw .pagesNotAscending(previous: marker, next: next.id) }
                if next.bytes.isEmpty { throw .secondMarker(first: marker, second: next.id) }
                throw .pagePastEnd(id: next.id, endPageCount: marker - 1)
            }
            return (entries[..<first], marker)
        }
        if flags.contains(.endPageMarker) { throw .flagWithoutMarker }
        return (entries[...], nil)
    }

    private static func copy(
        _ entries: ArraySlice<PageSet.Page>, of bytes: ArraySlice<UInt8>, pageSize: Int, endPageCount: UInt64?
    ) -> PageSet {
        var pages = PageSet(pageSize: pageSize, endPageCount: endPageCount)
        pages.pages.reserveCapacity(entries.count)
        pages.bytes.reserveCapacity(entries.reduce(0) { $0 + $1.bytes.count })
        for entry in entries {
            let start = pages.bytes.count
            pages.bytes.append(contentsOf: bytes[entry.bytes])
            pages.pages.append(PageSet.Page(id: entry.id, bytes: start..<pages.bytes.count))
        }
        return pages
    }
}
