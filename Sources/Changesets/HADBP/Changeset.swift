import FleetModel

/// One decoded and verified changeset.
public struct Changeset: Sendable, Equatable {
    public var profile: HADBP.Profile
    /// 1, or 2 for one that compaction merged from several.
    public var version: UInt8
    /// Its number on the chain; of a compacted one, the number of the last it merged.
    public var seq: UInt64
    /// The chain value before it; of a compacted one, before the first it merged.
    public var previousChecksum: UInt64
    /// Unix milliseconds.
    public var createdAt: Int64
    public var pages: PageSet
    /// Over the content, as stored in the trailer.
    public var checksum: UInt64
    /// Version 2 only: the chain value after the last changeset it merged.
    public var declaredEndChecksum: UInt64?

    /// The chain value after this changeset.
    ///
    /// Of a version 1 *snapshot* it says nothing about the chain: whoever stored the snapshot recorded that value
    /// beside it (`BundleEntry.checksum`).
    public var chainChecksum: UInt64 { declaredEndChecksum ?? checksum }
}

/// A changeset in `.hadbp` form, with what the chain needs to know of it.
public struct EncodedChangeset: Sendable, Equatable {
    public var contents: ChangesetContents
    /// Over the content, as stored in the trailer.
    public var checksum: UInt64
    /// The chain value after this changeset: the checksum, or what version 2 declares.
    public var chainChecksum: UInt64

    /// Of one that is in memory.
    public var bytes: [UInt8] {
        guard case .bytes(let bytes) = contents else { brokenInvariant("a changeset in a file is asked for its bytes") }
        return bytes
    }
}

/// Where the bytes of a changeset are.
public enum ChangesetContents: Sendable {
    case bytes([UInt8])
    /// Whole, in a file of its own: large ones, which are then never in memory whole.
    case file(SpoolFile)

    /// In bytes.
    public var size: Int {
        switch self {
        case .bytes(let bytes): bytes.count
        case .file(let file): file.size
        }
    }

    public var bytesInMemory: Int { if case .bytes(let bytes) = self { bytes.count } else { 0 } }
}

extension ChangesetContents: Equatable {
    public static func == (one: ChangesetContents, other: ChangesetContents) -> Bool {
        switch (one, other) {
        case (.bytes(let one), .bytes(let other)): one == other
        case (.file(let one), .file(let other)): one === other
        case (.bytes, .file), (.file, .bytes): false
        }
    }
}
