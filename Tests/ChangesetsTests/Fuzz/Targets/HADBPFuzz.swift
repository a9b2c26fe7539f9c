import BerthTestKit

@testable import Changesets

/// Changesets in `.hadbp` form, read as every kind of database.
enum HADBPFuzz {
    static let target = FuzzTarget(
        "hadbp", seeds: [Golden.version1, Golden.version2, Golden.incremental, Golden.compactedIncremental, Golden.blocks],
        words: ["HADBP\u{1}", "HADBP\u{2}"], reseal: reseal, check: check)

    @Sendable private static func check(_ bytes: [UInt8]) throws -> FuzzTarget.Verdict {
        var isAccepted = false
        for profile in HADBP.Profile.allCases {
            let changeset: Changeset
            do throws(HADBPError) { changeset = try HADBP.decode(bytes, profile: profile) } catch { continue }
            isAccepted = true
            try hold(try written(changeset) == bytes, "what was read, written again, is something else")
            for kind in [ChangesetKind.snapshot, .delta] {
                let bound = try? HADBP.decode(
                    bytes, profile: profile, expectedSeq: changeset.seq, expectedPageSize: changeset.pages.pageSize,
                    expectedKind: kind)
                try hold(bound == nil || bound == changeset, "what is expected changes what is read")
            }
            for other in [changeset.seq &+ 1, changeset.seq &- 1] {
                let misled = try? HADBP.decode(bytes, profile: profile, expectedSeq: other)
                try hold(misled == nil, "taken for changeset \(other)")
            }
        }
        return isAccepted ? .accepted : .refused
    }

    /// The format leaves no freedom: all that is accepted is written in just one way.
    static func written(_ changeset: Changeset) throws -> [UInt8] {
        try HADBP.encode(
            changeset.pages, profile: changeset.profile, seq: changeset.seq,
            previousChecksum: changeset.previousChecksum, createdAt: changeset.createdAt,
            declaredEndChecksum: changeset.declaredEndChecksum).bytes
    }

    /// Corrects the trailing checksum.
    @Sendable static func reseal(_ bytes: inout [UInt8]) {
        let end = bytes.count - HADBP.Layout.checksumLength
        guard end >= HADBP.Layout.headerLength else { return }
        let start = bytes[5] == 2 ? HADBP.Layout.headerLength + HADBP.Layout.declaredEndLength : HADBP.Layout.headerLength
        guard start <= end else { return }
        let checksum = HADBP.checksum(
            previousChecksum: bytes.bigEndian(UInt64.self, at: 20), entries: bytes[start..<end])
        bytes.put(checksum, at: end)
    }
}
