@testable import Changesets
import FleetModel
import Testing

/// The stored form of a changeset that is made piece by piece is one like any other.
@Suite struct StoredChangesetTests {
    private static func content(_ kind: String, count: Int) -> [UInt8] {
        var state: UInt64 = 7
        return (0..<count).map { index in
            guard kind == "noise" else { return UInt8(truncatingIfNeeded: index / 1_000) }
            state = state &* 6_364_136_223_846_793_005 &+ 1
            return UInt8(truncatingIfNeeded: state >> 40)
        }
    }

    @Test(arguments: ["noise", "text"], [1, 4_096, 300_000, 1_048_577])
    func whatWasPutInPieceByPieceComesOutWhole(_ kind: String, count: Int) throws {
        let raw = Self.content(kind, count: count)
        for piece in [count, 65_536, 1_000_003] where piece <= max(count, 65_536) {
            var stored = try StoredChangeset(rawLength: count, sample: Array(raw.prefix(300_000)))
            var bytes: [UInt8] = []
            for start in stride(from: 0, to: count, by: piece) { bytes += try stored.append(Array(raw[start..<min(start + piece, count)])) }
            let (length, checksum) = stored.summary()
            #expect(length == UInt64(bytes.count))
            let entry = BundleEntry(
                database: .timeOrdered(), epoch: Epoch(1), kind: .delta, firstSeq: 1, lastSeq: 1, previousChecksum: 0, checksum: 5,
                pageSize: 4096, offset: 0, storedLength: length, rawLength: UInt64(count), compression: .zstd,
                storedChecksum: checksum, createdAt: 0)
            let header = BundleHeader(session: .random(), node: try NodeName("node-a"), number: 3)
            let (before, placed, after) = try entry.alone(in: header)
            #expect(try placed.changesetBytes(from: bytes[...]) == raw)
            let object = before + bytes + after
            let contents = try BundleReader.open(object)
            #expect(contents == BundleContents(header: header, entries: [placed]))
            let range = try #require(placed.storedRange)
            #expect(Array(object[Int(range.lowerBound)..<Int(range.upperBound)]) == bytes)
        }
    }
}
