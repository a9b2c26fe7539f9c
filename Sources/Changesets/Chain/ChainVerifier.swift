public import FleetModel

/// Follows one database's chain and accepts only what comes next on it.
///
/// Numbers must be contiguous and each previous checksum the chain value reached. After an error the position is where
/// it was.
public struct ChainVerifier: Sendable, Hashable {
    public private(set) var position: ChainPosition

    /// - Parameter position: where the chain already stands, for example a copy's own position.
    public init(from position: ChainPosition = .origin) { self.position = position }

    /// Follows a link and returns the new position.
    ///
    /// A snapshot can only come first, from the origin; the position is then what it covers.
    ///
    /// - Throws: `ChainError`.
    @discardableResult
    public mutating func append(_ link: ChainLink) throws(ChainError) -> ChainPosition {
        guard link.firstSeq >= 1, link.firstSeq <= link.lastSeq else {
            throw .emptyRange(after: position, next: link)
        }
        switch link.kind {
        case .snapshot:
            guard position == .origin else { throw .snapshotInside(after: position, next: link) }
        case .delta:
            // `firstSeq` is at least 1.
            let predecessor = link.firstSeq - 1
            if predecessor > position.seq { throw .gap(after: position, next: link) }
            if predecessor < position.seq { throw .fork(after: position, next: link) }
            guard link.previousChecksum == position.checksum else { throw .mismatch(after: position, next: link) }
        }
        position = ChainPosition(seq: link.lastSeq, checksum: link.checksum)
        return position
    }

    /// Follows an entry of a bundle's index.
    ///
    /// - Throws: `ChainError`.
    @discardableResult
    public mutating func append(_ entry: BundleEntry) throws(ChainError) -> ChainPosition { try append(entry.link) }

    /// Follows an incremental that was decoded.
    ///
    /// A compacted one does not say which number it begins with: it is taken to begin where the chain stands, and its
    /// previous checksum decides whether that is so. A snapshot does not know its chain value: follow its entry.
    ///
    /// - Throws: `ChainError`.
    @discardableResult
    public mutating func append(_ changeset: Changeset) throws(ChainError) -> ChainPosition {
        let isCompacted = changeset.declaredEndChecksum != nil
        let first = isCompacted && changeset.seq > position.seq ? position.seq + 1 : changeset.seq
        return try append(
            ChainLink(
                kind: .delta, firstSeq: first, lastSeq: changeset.seq,
                previousChecksum: changeset.previousChecksum, checksum: changeset.chainChecksum))
    }

    /// Makes sure the chain is not merely unbroken but complete.
    ///
    /// - Throws: `ChainError.endsElsewhere`.
    public func requireEnd(at expected: ChainPosition) throws(ChainError) {
        guard position == expected else { throw .endsElsewhere(at: position, expected: expected) }
    }
}
