import BerthTestKit
import Crypto
import FleetModel

@testable import Changesets

/// Bundles: opened whole and by ranged reads, each entry read as every kind of database.
enum BundleFuzz {
    static let target = FuzzTarget(
        "bundle", seeds: seeds, words: ["BERTHB", "BERTHE", "HADBP", "\u{0}\u{1}"], reseal: reseal, check: check)

    private static var seeds: [[UInt8]] {
        do {
            let empty = BundleBuilder(session: BundleFixture.session, node: try BundleFixture.node(), number: 0)
            return [BundleFixture.golden, try compressed(), try empty.finish().bytes]
        } catch { preconditionFailure("the builder keeps its own rules: \(error)") }
    }

    /// A bundle whose only entry is compressed.
    static func compressed() throws -> [UInt8] {
        var builder = BundleBuilder(session: BundleFixture.session, node: try BundleFixture.node(), number: 1)
        let changeset = try HADBP.encode(
            PageSet(pageSize: 512, endPageCount: 1, contents: [(1, Array(repeating: 3, count: 512))]),
            profile: .sqlite, seq: 1, previousChecksum: 0, createdAt: 0)
        try builder.append(
            database: databaseID(1), epoch: Epoch(1), kind: .delta, firstSeq: 1, lastSeq: 1, previousChecksum: 0,
            checksum: changeset.chainChecksum, pageSize: 512, createdAt: 0, changeset: changeset.bytes)
        return try builder.finish().bytes
    }

    @Sendable private static func check(_ whole: [UInt8]) throws -> FuzzTarget.Verdict {
        let contents: BundleContents
        do throws(BundleError) { contents = try BundleReader.open(whole) } catch { return .refused }
        try hold(written(contents, from: whole) == whole, "what was read, written again, is something else")
        try hold(try rangedRead(whole) == contents, "ranged reads find something else")
        try hold(BundleName(contents.header.name.description) == contents.header.name, "its name cannot be read back")
        for entry in contents.entries {
            let stored = try BundleReader.stored(entry, in: whole)
            let raw: [UInt8]
            do throws(BundleError) { raw = try entry.changesetBytes(from: stored) } catch { continue }
            try hold(UInt64(raw.count) == entry.rawLength, "an entry of another length than announced")
            for profile in HADBP.Profile.allCases {
                let changeset: Changeset
                do throws(BundleError) { changeset = try entry.changeset(from: stored, profile: profile) } catch { continue }
                try hold(try HADBPFuzz.written(changeset) == raw, "a changeset that cannot be written as it was")
                try hold(changeset.seq == entry.lastSeq, "a changeset of another number than the index says")
            }
        }
        return .accepted
    }

    /// The layout leaves no freedom: all that is accepted is written in just one way.
    private static func written(_ contents: BundleContents, from whole: [UInt8]) throws -> [UInt8] {
        var bytes = contents.header.bytes
        for entry in contents.entries { bytes += try BundleReader.stored(entry, in: whole) }
        var index: [UInt8] = []
        for entry in contents.entries { entry.appendRow(to: &index) }
        let footer = try BundleFooter(
            indexOffset: UInt64(bytes.count), header: bytes[..<BundleLayout.headerLength], index: index[...])
        return bytes + index + footer.bytes
    }

    private static func rangedRead(_ whole: [UInt8]) throws -> BundleContents {
        let footer = try BundleReader.footer(
            fromTail: whole.suffix(BundleReader.footerLength), objectSize: UInt64(whole.count))
        return try BundleReader.index(
            header: whole.prefix(BundleReader.headerLength),
            index: whole[Int(footer.indexRange.lowerBound)..<Int(footer.indexRange.upperBound)], footer: footer)
    }

    /// Corrects every checksum, from the innermost to the footer's, and where the index lies.
    @Sendable private static func reseal(_ bytes: inout [UInt8]) {
        let footer = bytes.count - BundleLayout.footerLength
        guard footer >= BundleLayout.headerLength else { return }
        let offset = Int(clamping: bytes.bigEndian(UInt64.self, at: footer))
        guard (BundleLayout.headerLength...footer).contains(offset) else { return }
        bytes.put(UInt32(footer - offset), at: footer + 8)
        bytes.put(UInt32((footer - offset) / BundleLayout.rowLength), at: footer + 12)
        for row in stride(from: offset, through: footer - BundleLayout.rowLength, by: BundleLayout.rowLength) {
            let start = Int(clamping: bytes.bigEndian(UInt64.self, at: row + 56))
            let length = Int(clamping: bytes.bigEndian(UInt64.self, at: row + 64))
            guard start <= offset, length <= offset - start else { continue }
            var stored = Array(bytes[start..<start + length])
            HADBPFuzz.reseal(&stored)
            bytes.replaceSubrange(start..<start + length, with: stored)
            bytes.put(BundleEntry.checksum(ofStored: stored[...]), at: row + 80)
        }
        let sealed = bytes[..<BundleLayout.headerLength] + bytes[offset..<footer + BundleLayout.footerFieldsLength]
        bytes.replaceSubrange(footer + 16..<footer + 48, with: Array(SHA256.hash(data: Array(sealed))))
    }
}

extension [UInt8] {
    func bigEndian<Integer: FixedWidthInteger>(_: Integer.Type, at offset: Int) -> Integer {
        self[offset..<offset + Integer.bitWidth / 8].reduce(0) { $0 << 8 | Integer(truncatingIfNeeded: $1) }
    }

    mutating func put(_ value: some FixedWidthInteger, at offset: Int) {
        Swift.withUnsafeBytes(of: value.bigEndian) { replaceSubrange(offset..<offset + $0.count, with: $0) }
    }
}
