import Crypto

/// The end of a bundle: where its index lies and what header and index hash to.
public struct BundleFooter: Sendable, Hashable {
    /// Of the object's bytes.
    public let indexRange: Range<UInt64>
    public let entryCount: Int
    let checksum: [UInt8]

    /// Of a bundle whose entries end at `indexOffset`.
    init(indexOffset: UInt64, header: ArraySlice<UInt8>, index: ArraySlice<UInt8>) throws(BundleError) {
        let entryCount = index.count / BundleLayout.rowLength
        guard UInt32(exactly: index.count) != nil else { throw .tooManyEntries(entryCount) }
        self.indexRange = indexOffset..<indexOffset + UInt64(index.count)
        self.entryCount = entryCount
        self.checksum = Self.checksum(
            header: header, index: index, fields: Self.fields(indexRange: indexRange, entryCount: entryCount))
    }

    /// - Parameter bytes: the last `BundleLayout.footerLength` bytes of the object.
    init(from bytes: ArraySlice<UInt8>, objectSize: UInt64) throws(BundleError) {
        let minimum = BundleLayout.headerLength + BundleLayout.footerLength
        guard objectSize >= UInt64(minimum) else {
            throw .tooShort(length: Int(clamping: objectSize), minimum: minimum)
        }
        let magic = bytes.suffix(BundleLayout.footerMagic.count + 2)
        guard magic.starts(with: BundleLayout.footerMagic) else { throw .footerMagicMissing }
        var versionReader = ByteReader(magic.suffix(2))
        let version = versionReader.read(UInt16.self) ?? 0
        guard version == BundleLayout.version else { throw .unsupportedVersion(version) }

        var reader = ByteReader(bytes)
        guard let offset = reader.read(UInt64.self), let length = reader.read(UInt32.self),
            let entryCount = reader.read(UInt32.self),
            let checksumRange = reader.skip(BundleLayout.footerChecksumLength)
        else { throw .tooShort(length: bytes.count, minimum: BundleLayout.footerLength) }
        let indexEnd = objectSize - UInt64(BundleLayout.footerLength)
        guard offset >= UInt64(BundleLayout.headerLength), offset <= indexEnd, indexEnd - offset == UInt64(length),
            UInt64(length) == UInt64(entryCount) * UInt64(BundleLayout.rowLength)
        else {
            throw .indexMisplaced(offset: offset, length: length, entryCount: entryCount, objectSize: objectSize)
        }
        self.indexRange = offset..<indexEnd
        self.entryCount = Int(entryCount)
        self.checksum = Array(bytes[checksumRange])
    }

    var bytes: [UInt8] {
        var bytes = Self.fields(indexRange: indexRange, entryCount: entryCount)
        bytes += checksum
        bytes += BundleLayout.footerMagic
        bytes.appendBigEndian(BundleLayout.version)
        return bytes
    }

    func verify(header: ArraySlice<UInt8>, index: ArraySlice<UInt8>) throws(BundleError) {
        let fields = Self.fields(indexRange: indexRange, entryCount: entryCount)
        guard Self.checksum(header: header, index: index, fields: fields) == checksum else {
            throw .checksumMismatch
        }
    }

    private static func fields(indexRange: Range<UInt64>, entryCount: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(BundleLayout.footerLength)
        bytes.appendBigEndian(indexRange.lowerBound)
        // Both are 32 bits wide in either initialiser.
        bytes.appendBigEndian(UInt32(indexRange.count))
        bytes.appendBigEndian(UInt32(entryCount))
        return bytes
    }

    private static func checksum(header: ArraySlice<UInt8>, index: ArraySlice<UInt8>, fields: [UInt8]) -> [UInt8] {
        var hash = SHA256()
        hash.update(header)
        hash.update(index)
        hash.update(fields[...])
        return Array(hash.finalize())
    }
}
