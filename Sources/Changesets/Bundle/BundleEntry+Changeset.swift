import Crypto

extension BundleEntry {
    /// The changeset's bytes, from the bytes stored for it.
    ///
    /// However long the writer made it: this entry says how long, and whoever led here vouches for the entry.
    ///
    /// - Parameter stored: exactly what lies in `storedRange`.
    /// - Throws: `BundleError` when they are not the bytes this entry was written with.
    public func changesetBytes(from stored: ArraySlice<UInt8>) throws(BundleError) -> [UInt8] {
        guard UInt64(stored.count) == storedLength else {
            throw .storedLengthMismatch(expected: storedLength, found: stored.count)
        }
        let computed = Self.checksum(ofStored: stored)
        guard computed == storedChecksum else {
            throw .storedChecksumMismatch(expected: storedChecksum, computed: computed)
        }
        switch compression {
        case .none:
            return Array(stored)
        case .zstd:
            guard let rawLength = Int(exactly: rawLength) else { throw .rawLengthNotAddressable(rawLength) }
            do { return try Zstd.decompress(stored, rawLength: rawLength) } catch { throw .compression(error) }
        }
    }

    /// The changeset itself, verified and bound to this entry: seq, page size, kind and both chain values must agree.
    ///
    /// - Parameter stored: exactly what lies in `storedRange`.
    /// - Throws: `BundleError`.
    public func changeset(from stored: ArraySlice<UInt8>, profile: HADBP.Profile) throws(BundleError) -> Changeset {
        let bytes = try changesetBytes(from: stored)
        let changeset: Changeset
        do {
            changeset = try HADBP.decode(
                bytes, profile: profile, expectedSeq: lastSeq, expectedPageSize: Int(pageSize), expectedKind: kind)
        } catch {
            throw .changeset(error)
        }
        try check(chainOf: changeset)
        return changeset
    }

    /// - Throws: `BundleError.chainMismatch`.
    func check(chainOf changeset: Changeset) throws(BundleError) {
        guard changeset.previousChecksum == previousChecksum else {
            throw .chainMismatch(side: .before, expected: previousChecksum, found: changeset.previousChecksum)
        }
        // A version 1 snapshot does not say where it stands on the chain; this entry does.
        if kind == .delta || changeset.declaredEndChecksum != nil, changeset.chainChecksum != checksum {
            throw .chainMismatch(side: .after, expected: checksum, found: changeset.chainChecksum)
        }
    }

    static func checksum(ofStored bytes: ArraySlice<UInt8>) -> UInt64 {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finalize().leading64
    }
}
