public import FleetModel

/// What is wrong with a bundle or with one of its entries.
public enum BundleError: Error, Sendable, Hashable {
    public enum ChainSide: String, Sendable, Hashable {
        case before, after
    }

    // The object
    case tooShort(length: Int, minimum: Int)
    case headerMagicMissing
    case footerMagicMissing
    case unsupportedVersion(UInt16)
    /// Where the footer says the index lies does not fit the object.
    case indexMisplaced(offset: UInt64, length: UInt32, entryCount: UInt32, objectSize: UInt64)
    /// The bytes given as header or index have another length than asked for.
    case partLengthMismatch(expected: Int, found: Int)
    case checksumMismatch
    case nodeNameInvalid
    case indexTruncated(row: Int)
    case entryInvalid(index: Int, reason: String)
    /// The stored bytes of the entries do not fill the space between header and index, one after another.
    case entriesNotContiguous(index: Int)
    case tooManyEntries(Int)

    // One entry
    case storedLengthMismatch(expected: UInt64, found: Int)
    case storedChecksumMismatch(expected: UInt64, computed: UInt64)
    case rawLengthNotAddressable(UInt64)
    case compression(ZstdError)
    case changeset(HADBPError)
    case chainMismatch(side: ChainSide, expected: UInt64, found: UInt64)

    /// In which one is made that is too large for memory.
    case file(FileFailure)
}

extension BundleError {
    /// It is the fault of this machine, and says nothing of the bundle.
    public var fileFailure: FileFailure? {
        switch self {
        case .file(let failure), .changeset(.file(let failure)): failure
        default: nil
        }
    }
}

extension BundleError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .tooShort(let length, let minimum): "the bundle has \(length) bytes; at least \(minimum) are needed"
        case .file(let failure): "\(failure)"
        case .headerMagicMissing: "the object does not begin with “BERTHB”"
        case .footerMagicMissing: "the object does not end like a bundle; it may be cut off"
        case .unsupportedVersion(let version): "the bundle has version \(version); \(BundleLayout.version) is known"
        case .indexMisplaced(let offset, let length, let count, let size):
            "an index of \(count) entries in \(length) bytes at \(offset) does not fit an object of \(size) bytes"
        case .partLengthMismatch(let expected, let found): "\(expected) bytes were to be read; \(found) were given"
        case .checksumMismatch: "the checksum of header and index does not match"
        case .nodeNameInvalid: "the header does not hold the name of a node"
        case .indexTruncated(let row): "the index ends inside row \(row)"
        case .entryInvalid(let index, let reason): "entry \(index) is impossible: \(reason)"
        case .entriesNotContiguous(let index):
            "entry \(index), or the index after the last one, does not begin where the entry before it ends"
        case .tooManyEntries(let count): "\(count) entries do not fit into one bundle"
        case .storedLengthMismatch(let expected, let found):
            "\(expected) bytes are stored for the entry; \(found) were given"
        case .storedChecksumMismatch(let expected, let computed):
            "the checksum of the entry's stored bytes is \(hex(computed)); the index says \(hex(expected))"
        case .rawLengthNotAddressable(let length): "the entry would have \(length) bytes"
        case .compression(let error): "the entry cannot be decompressed: \(error)"
        case .changeset(let error): "the entry's changeset is not valid: \(error)"
        case .chainMismatch(let side, let expected, let found):
            "the chain value \(side.rawValue) the changeset is \(hex(found)); the index says \(hex(expected))"
        }
    }
}
