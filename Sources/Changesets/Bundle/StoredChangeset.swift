import Crypto

/// Makes the stored form of one changeset piece by piece, for one that is too large to be in memory whole.
public struct StoredChangeset: ~Copyable {
    private var frame: ZstdFrame
    private var hash = SHA256()
    private var length: UInt64 = 0

    /// - Parameters:
    ///   - rawLength: bytes of the changeset.
    ///   - sample: some of them, from its middle: how well they compress decides how much time is spent on that.
    /// - Throws: `ZstdError.failed`, when memory is exhausted.
    public init(rawLength: Int, sample: [UInt8]) throws(ZstdError) {
        frame = try ZstdFrame(contentLength: rawLength, level: try Zstd.worthwhileLevel(for: sample))
    }

    /// - Returns: the next stored bytes; after the last piece they are complete.
    public mutating func append(_ piece: [UInt8]) throws(ZstdError) -> [UInt8] {
        let stored = try frame.append(piece)
        hash.update(stored[...])
        length += UInt64(stored.count)
        return stored
    }

    /// How many bytes are stored, and their checksum, as a ``BundleEntry`` has them.
    public func summary() -> (length: UInt64, checksum: UInt64) { (length, hash.finalize().leading64) }
}

extension BundleEntry {
    /// The bundle that holds this changeset alone: the object's bytes before the stored ones and after them.
    ///
    /// - Returns: also the entry with its place in that object.
    /// - Throws: `BundleError.entryInvalid` when its numbers contradict each other.
    public func alone(
        in header: BundleHeader
    ) throws(BundleError) -> (before: [UInt8], entry: BundleEntry, after: [UInt8]) {
        var entry = self
        let before = header.bytes
        entry.offset = UInt64(before.count)
        if let reason = entry.contradiction { throw .entryInvalid(index: 0, reason: reason) }
        var after: [UInt8] = []
        entry.appendRow(to: &after)
        let footer = try BundleFooter(
            indexOffset: entry.offset + entry.storedLength, header: before[...], index: after[...])
        after += footer.bytes
        return (before, entry, after)
    }
}
