public import FleetModel

/// Puts changesets of many databases into one bundle, in memory.
///
/// The layout is described at `BundleContents`. The same appends give the same bytes.
public struct BundleBuilder: Sendable {
    public let header: BundleHeader
    public private(set) var entries: [BundleEntry] = []
    private let isCompressed: Bool
    private var bytes: [UInt8]

    /// - Parameter isCompressed: `false` stores everything as it is.
    public init(session: SessionID, node: NodeName, number: UInt64, isCompressed: Bool = true) {
        self.header = BundleHeader(session: session, node: node, number: number)
        self.isCompressed = isCompressed
        self.bytes = header.bytes
    }

    /// Bytes the object has if it is finished now.
    public var size: Int { bytes.count + entries.count * BundleLayout.rowLength + BundleLayout.footerLength }

    public var isEmpty: Bool { entries.isEmpty }

    /// Adds one changeset, compressed when that makes it smaller.
    ///
    /// - Parameters:
    ///   - firstSeq: 1 for a snapshot; equal to `lastSeq` for a changeset that is not compacted.
    ///   - previousChecksum: the chain value before `firstSeq`; 0 for a snapshot.
    ///   - checksum: the chain value after `lastSeq`; for a snapshot it is that of the chain, not of the changeset.
    ///   - createdAt: Unix milliseconds.
    ///   - changeset: in `.hadbp` form.
    /// - Throws: `BundleError.entryInvalid` when the numbers contradict each other, `.compression` when memory is
    ///   exhausted. Nothing was added then.
    @discardableResult
    public mutating func append(
        database: DatabaseID, epoch: Epoch, kind: ChangesetKind, firstSeq: UInt64, lastSeq: UInt64,
        previousChecksum: UInt64, checksum: UInt64, pageSize: UInt32, createdAt: Int64, changeset: [UInt8]
    ) throws(BundleError) -> BundleEntry {
        let (stored, compression) = try store(changeset)
        let entry = BundleEntry(
            database: database, epoch: epoch, kind: kind, firstSeq: firstSeq, lastSeq: lastSeq,
            previousChecksum: previousChecksum, checksum: checksum, pageSize: pageSize, offset: UInt64(bytes.count),
            storedLength: UInt64(stored.count), rawLength: UInt64(changeset.count), compression: compression,
            storedChecksum: BundleEntry.checksum(ofStored: stored[...]), createdAt: createdAt)
        if let reason = entry.contradiction { throw .entryInvalid(index: entries.count, reason: reason) }
        bytes += stored
        entries.append(entry)
        return entry
    }

    /// The object's bytes and what it holds.
    ///
    /// - Throws: `BundleError.tooManyEntries` when the index is longer than 4 GiB.
    public consuming func finish() throws(BundleError) -> (bytes: [UInt8], entries: [BundleEntry]) {
        var index: [UInt8] = []
        index.reserveCapacity(entries.count * BundleLayout.rowLength)
        for entry in entries { entry.appendRow(to: &index) }
        let footer = try BundleFooter(
            indexOffset: UInt64(bytes.count), header: bytes[..<BundleLayout.headerLength], index: index[...])
        bytes += index
        bytes += footer.bytes
        return (bytes, entries)
    }

    private func store(_ changeset: [UInt8]) throws(BundleError) -> ([UInt8], BundleEntry.Compression) {
        guard isCompressed else { return (changeset, .none) }
        let compressed: [UInt8]
        do throws(ZstdError) {
            compressed = try Zstd.compress(changeset, level: try Zstd.worthwhileLevel(for: changeset))
        } catch {
            throw .compression(error)
        }
        return compressed.count < changeset.count ? (compressed, .zstd) : (changeset, .none)
    }
}
