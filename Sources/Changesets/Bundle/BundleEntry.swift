public import FleetModel

/// One changeset in a bundle: whose it is, where it stands on the chain, where its bytes lie.
public struct BundleEntry: Sendable, Hashable {
    public enum Compression: UInt8, Sendable, Hashable, CaseIterable {
        case none = 0
        case zstd = 1
    }

    public var database: DatabaseID
    /// In which the leader wrote it.
    public var epoch: Epoch
    public var kind: ChangesetKind
    /// The first changeset it stands for; 1 for a snapshot.
    public var firstSeq: UInt64
    /// The last changeset it stands for; equal to the first unless it is compacted or a snapshot.
    public var lastSeq: UInt64
    /// The chain value before the first changeset; 0 for a snapshot.
    public var previousChecksum: UInt64
    /// The chain value after the last changeset.
    public var checksum: UInt64
    /// Bytes per page.
    public var pageSize: UInt32
    /// Of the stored bytes in the object.
    public var offset: UInt64
    public var storedLength: UInt64
    /// Bytes of the changeset itself.
    public var rawLength: UInt64
    public var compression: Compression
    /// The first 8 bytes of SHA-256 over the stored bytes.
    public var storedChecksum: UInt64
    /// Unix milliseconds.
    public var createdAt: Int64

    public init(
        database: DatabaseID, epoch: Epoch, kind: ChangesetKind, firstSeq: UInt64, lastSeq: UInt64,
        previousChecksum: UInt64, checksum: UInt64, pageSize: UInt32, offset: UInt64, storedLength: UInt64,
        rawLength: UInt64, compression: Compression, storedChecksum: UInt64, createdAt: Int64
    ) {
        self.database = database
        self.epoch = epoch
        self.kind = kind
        self.firstSeq = firstSeq
        self.lastSeq = lastSeq
        self.previousChecksum = previousChecksum
        self.checksum = checksum
        self.pageSize = pageSize
        self.offset = offset
        self.storedLength = storedLength
        self.rawLength = rawLength
        self.compression = compression
        self.storedChecksum = storedChecksum
        self.createdAt = createdAt
    }

    /// The bytes of the object to fetch for this entry alone; `nil` when no object can have them.
    public var storedRange: Range<UInt64>? {
        let (end, overflow) = offset.addingReportingOverflow(storedLength)
        return overflow ? nil : offset..<end
    }

    /// Where the chain stands after this entry.
    public var endPosition: ChainPosition { ChainPosition(seq: lastSeq, checksum: checksum) }
}

extension BundleEntry {
    func appendRow(to bytes: inout [UInt8]) {
        bytes.appendIdentifier(database)
        bytes.appendBigEndian(epoch.value)
        bytes.appendBigEndian(firstSeq)
        bytes.appendBigEndian(lastSeq)
        bytes.appendBigEndian(previousChecksum)
        bytes.appendBigEndian(checksum)
        bytes.appendBigEndian(offset)
        bytes.appendBigEndian(storedLength)
        bytes.appendBigEndian(rawLength)
        bytes.appendBigEndian(storedChecksum)
        bytes.appendBigEndian(createdAt)
        bytes.appendBigEndian(pageSize)
        bytes.append(kind.rawValue)
        bytes.append(compression.rawValue)
        bytes.appendBigEndian(UInt16(0))
    }

    /// - Parameter index: of the row, for errors.
    init(fromRow reader: inout ByteReader, index: Int) throws(BundleError) {
        guard let database = reader.readIdentifier(as: DatabaseKind.self), let epoch = reader.read(Int64.self),
            let firstSeq = reader.read(UInt64.self), let lastSeq = reader.read(UInt64.self),
            let previousChecksum = reader.read(UInt64.self), let checksum = reader.read(UInt64.self),
            let offset = reader.read(UInt64.self), let storedLength = reader.read(UInt64.self),
            let rawLength = reader.read(UInt64.self), let storedChecksum = reader.read(UInt64.self),
            let createdAt = reader.read(Int64.self), let pageSize = reader.read(UInt32.self),
            let kindByte = reader.read(UInt8.self), let compressionByte = reader.read(UInt8.self),
            let zero = reader.read(UInt16.self)
        else { throw .indexTruncated(row: index) }
        guard let kind = ChangesetKind(rawValue: kindByte) else {
            throw .entryInvalid(index: index, reason: "its kind is \(kindByte)")
        }
        guard let compression = Compression(rawValue: compressionByte) else {
            throw .entryInvalid(index: index, reason: "its compression is \(compressionByte)")
        }
        guard zero == 0 else { throw .entryInvalid(index: index, reason: "its reserved bytes are not zero") }
        self.init(
            database: database, epoch: Epoch(epoch), kind: kind, firstSeq: firstSeq, lastSeq: lastSeq,
            previousChecksum: previousChecksum, checksum: checksum, pageSize: pageSize, offset: offset,
            storedLength: storedLength, rawLength: rawLength, compression: compression,
            storedChecksum: storedChecksum, createdAt: createdAt)
        if let reason = contradiction { throw .entryInvalid(index: index, reason: reason) }
    }

    /// What no entry can be, in words; `nil` when there is nothing.
    var contradiction: String? {
        if firstSeq == 0 { return "its first seq is 0; changesets count from 1" }
        if firstSeq > lastSeq { return "its range \(firstSeq)…\(lastSeq) is empty" }
        if kind == .snapshot && firstSeq != 1 { return "it is a snapshot from \(firstSeq), not from 1" }
        if kind == .snapshot && previousChecksum != 0 { return "it is a snapshot, and something precedes it" }
        if compression == .none && storedLength != rawLength {
            return "it is not compressed, and \(storedLength) bytes are stored of \(rawLength)"
        }
        return nil
    }
}
