/// The place of one changeset on a chain: which changesets it stands for, and the chain values around them.
public struct ChainLink: Sendable, Hashable, CustomStringConvertible {
    public var kind: ChangesetKind
    public var firstSeq: UInt64
    public var lastSeq: UInt64
    public var previousChecksum: UInt64
    public var checksum: UInt64

    public init(
        kind: ChangesetKind, firstSeq: UInt64, lastSeq: UInt64, previousChecksum: UInt64, checksum: UInt64
    ) {
        self.kind = kind
        self.firstSeq = firstSeq
        self.lastSeq = lastSeq
        self.previousChecksum = previousChecksum
        self.checksum = checksum
    }

    public var description: String {
        let range = firstSeq == lastSeq ? "\(lastSeq)" : "\(firstSeq)…\(lastSeq)"
        return switch kind {
        case .delta: "changeset \(range) (\(hex(previousChecksum)) → \(hex(checksum)))"
        case .snapshot: "snapshot \(range) (→ \(hex(checksum)))"
        }
    }
}

extension BundleEntry {
    public var link: ChainLink {
        ChainLink(
            kind: kind, firstSeq: firstSeq, lastSeq: lastSeq, previousChecksum: previousChecksum, checksum: checksum)
    }
}
