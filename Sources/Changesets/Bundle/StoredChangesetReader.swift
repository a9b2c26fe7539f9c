import Crypto
import FleetModel
import Foundation

/// Makes the file of one changeset out of the bytes stored for it, as they come: for one that is too large to be in memory whole.
///
/// Whoever does not finish leaves no file behind.
public struct StoredChangesetReader: ~Copyable {
    private let entry: BundleEntry
    private let file: ChangesetFile
    private var frame: ZstdFrameReader
    private var hash = SHA256()
    private var length: UInt64 = 0

    /// - Throws: `BundleError` when so much is not possible, or the file cannot be made.
    public init(_ entry: BundleEntry, in folder: SpoolFolder) throws(BundleError) {
        let file = try Self.makeFile(in: folder)
        frame = try Self.makeFrame(of: entry)
        self.entry = entry
        self.file = file
    }

    private static func makeFile(in folder: SpoolFolder) throws(BundleError) -> ChangesetFile {
        do throws(FileFailure) { return try ChangesetFile(in: folder) } catch { throw .file(error) }
    }

    private static func makeFrame(of entry: BundleEntry) throws(BundleError) -> ZstdFrameReader {
        guard let rawLength = Int(exactly: entry.rawLength) else { throw .rawLengthNotAddressable(entry.rawLength) }
        do throws(ZstdError) { return try ZstdFrameReader(contentLength: rawLength) } catch { throw .compression(error) }
    }

    /// Takes the next of the stored bytes.
    ///
    /// - Throws: `BundleError` when they cannot be those this entry was written with, or the file cannot be written.
    public mutating func append(_ piece: [UInt8]) throws(BundleError) {
        length += UInt64(piece.count)
        guard length <= entry.storedLength else { throw .storedLengthMismatch(expected: entry.storedLength, found: Int(length)) }
        hash.update(piece[...])
        switch entry.compression {
        case .none:
            do throws(FileFailure) {
                try piece.withUnsafeBufferPointer { bytes throws(FileFailure) in try file.append(UnsafeRawBufferPointer(bytes)) }
            } catch { throw .file(error) }
        case .zstd:
            do throws(ZstdReadFailure<FileFailure>) {
                try frame.append(piece) { [file] bytes throws(FileFailure) in try file.append(bytes) }
            } catch {
                switch error {
                case .zstd(let error): throw .compression(error)
                case .body(let failure): throw .file(failure)
                }
            }
        }
    }

    /// The changeset, once all stored bytes were taken: verified and bound to its entry as ``BundleEntry/changeset(from:profile:)`` does.
    ///
    /// - Throws: `BundleError`.
    public consuming func finish(profile: HADBP.Profile) throws(BundleError) -> Changeset {
        guard length == entry.storedLength else { throw .storedLengthMismatch(expected: entry.storedLength, found: Int(length)) }
        let computed = hash.finalize().leading64
        guard computed == entry.storedChecksum else {
            throw .storedChecksumMismatch(expected: entry.storedChecksum, computed: computed)
        }
        if entry.compression == .zstd {
            do throws(ZstdError) { try frame.finish() } catch { throw .compression(error) }
        }
        let spooled = file.finish()
        let (entry, changeset): (BundleEntry, Changeset)
        do throws(HADBPError) {
            entry = self.entry
            changeset = try HADBP.decode(
                spooled, profile: profile, expectedSeq: entry.lastSeq, expectedPageSize: Int(entry.pageSize), expectedKind: entry.kind)
        } catch { throw .changeset(error) }
        try entry.check(chainOf: changeset)
        return changeset
    }
}

/// A file that is written from its beginning to its end.
private final class ChangesetFile {
    private let file: PosixFile
    private var size = 0
    private var isFinished = false

    init(in folder: SpoolFolder) throws(FileFailure) { file = try PosixFile(try folder.newFile(), O_RDWR | O_CREAT | O_EXCL) }

    deinit { if !isFinished { unlink(file.path) } }

    func append(_ bytes: UnsafeRawBufferPointer) throws(FileFailure) {
        try file.write(bytes, at: size)
        size += bytes.count
    }

    func finish() -> SpoolFile {
        isFinished = true
        return SpoolFile(path: file.path, size: size)
    }
}
