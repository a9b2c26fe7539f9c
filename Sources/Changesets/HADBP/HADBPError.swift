public import FleetModel

/// What is wrong with the bytes, or the pages, of a changeset.
public enum HADBPError: Error, Sendable, Hashable {
    // The container
    case tooShort(length: Int, minimum: Int)
    case magicMissing
    case unsupportedVersion(UInt8)
    case pageIDWidthInvalid(UInt8)
    case flagsInvalid(flags: UInt8, version: UInt8)
    case pageSizeOutOfRange(Int)
    case pageCountExceedsLength(pageCount: UInt32, remaining: Int)
    case entryTruncated(index: Int)
    case pageTooLong(id: UInt64, length: Int, pageSize: Int)
    case trailerTruncated(remaining: Int)
    case trailingBytes(Int)
    case checksumMismatch(stored: UInt64, computed: UInt64)

    // What led the reader here says otherwise
    case profileMismatch(expectedPageIDWidth: Int, found: Int)
    case seqMismatch(expected: UInt64, found: UInt64)
    case pageSizeMismatch(expected: Int, found: Int)
    case markerInSnapshot(endPageCount: UInt64)
    case deltaWithoutMarker

    // The rules of a profile
    case pageIDZero
    case pageIDTooLarge(id: UInt64, maximum: UInt64)
    case pagesNotAscending(previous: UInt64, next: UInt64)
    case pageEmpty(id: UInt64)
    case markerWithoutFlag(id: UInt64)
    case flagWithoutMarker
    case secondMarker(first: UInt64, second: UInt64)
    case pagePastEnd(id: UInt64, endPageCount: UInt64)
    case pageMissing(expected: UInt64, found: UInt64)

    // Only when encoding
    case pageOutsideBuffer(id: UInt64)
    case tooManyPages(Int)
    case endPageCountNotRepresentable(UInt64)

    /// Of a changeset, or of pages, that lie in one.
    case file(FileFailure)
}

extension HADBPError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .tooShort(let length, let minimum): "the changeset has \(length) bytes; at least \(minimum) are needed"
        case .file(let failure): "\(failure)"
        case .magicMissing: "the changeset does not begin with “HADBP”"
        case .unsupportedVersion(let version): "the changeset has version \(version); 1 and 2 are known"
        case .pageIDWidthInvalid(let width): "page ids are \(width) bytes wide; 4 and 8 are possible"
        case .flagsInvalid(let flags, let version): "flags \(hex(flags)) are not possible in version \(version)"
        case .pageSizeOutOfRange(let size): "a page size of \(size) is not possible"
        case .pageCountExceedsLength(let count, let remaining):
            "the header announces \(count) entries; the \(remaining) bytes after it cannot hold them"
        case .entryTruncated(let index): "the changeset ends inside entry \(index)"
        case .pageTooLong(let id, let length, let size): "page \(id) has \(length) bytes; the page size is \(size)"
        case .trailerTruncated(let remaining): "\(remaining) bytes are left for the trailing checksum; it has 8"
        case .trailingBytes(let count): "\(count) bytes follow the trailing checksum"
        case .checksumMismatch(let stored, let computed):
            "the stored checksum is \(hex(stored)), that of the content \(hex(computed))"
        case .profileMismatch(let expected, let found):
            "page ids are \(found) bytes wide; this kind of database has \(expected)"
        case .seqMismatch(let expected, let found): "this is changeset \(found); changeset \(expected) was expected"
        case .pageSizeMismatch(let expected, let found): "the page size is \(found); \(expected) was expected"
        case .markerInSnapshot(let count):
            "a snapshot was expected; this is an incremental for a file of \(count) pages"
        case .deltaWithoutMarker: "an incremental was expected; the end-page marker is missing"
        case .pageIDZero: "page 0 does not exist; pages count from 1"
        case .pageIDTooLarge(let id, let maximum): "page id \(id) is beyond the largest possible, \(maximum)"
        case .pagesNotAscending(let previous, let next): "page \(next) follows page \(previous); ids must ascend"
        case .pageEmpty(let id): "page \(id) has no content"
        case .markerWithoutFlag(let id): "entry \(id) is empty like an end-page marker; the flag says there is none"
        case .flagWithoutMarker: "the flag announces an end-page marker; there is none"
        case .secondMarker(let first, let second): "there are two end-page markers, \(first) and \(second)"
        case .pagePastEnd(let id, let count): "page \(id) lies past the end of a file of \(count) pages"
        case .pageMissing(let expected, let found):
            "a whole file must hold every page; where page \(expected) should be there is page \(found)"
        case .pageOutsideBuffer(let id): "the content of page \(id) lies outside the buffer of the page set"
        case .tooManyPages(let count): "\(count) pages do not fit into one changeset"
        case .endPageCountNotRepresentable(let count): "an end of \(count) pages cannot be written in this profile"
        }
    }
}

/// At full width, as checksums appear everywhere.
func hex(_ value: some FixedWidthInteger & UnsignedInteger) -> String {
    let digits = String(value, radix: 16)
    return "0x" + String(repeating: "0", count: type(of: value).bitWidth / 4 - digits.count) + digits
}
