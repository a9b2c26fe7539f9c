import BerthTestKit
@testable import Changesets
import FleetModel
import Foundation
import Testing

@Suite struct SpooledPagesTests {
    private struct Written: Equatable {
        var first: UInt64
        var bytes: [UInt8]
    }

    private func runs(of set: PageSet) throws -> [Written] {
        var runs: [Written] = []
        try set.forEachRun(of: set.pages[...]) { runs.append(Written(first: $0.first, bytes: Array($0.bytes))) }
        return runs
    }

    /// Page by page.
    private func pages(of runs: [Written], pageSize: Int) -> [UInt64: [UInt8]] {
        var pages: [UInt64: [UInt8]] = [:]
        for run in runs {
            for (index, start) in stride(from: 0, to: run.bytes.count, by: pageSize).enumerated() {
                pages[run.first + UInt64(index)] = Array(run.bytes[start..<min(start + pageSize, run.bytes.count)])
            }
        }
        return pages
    }

    @Test(arguments: UInt64(0)..<40) func runsCoverWhatTheSetHas(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let profile: HADBP.Profile = Bool.random(using: &generator) ? .sqlite : .blocks
        let set = PageSet.random(profile: profile, kind: .delta, pageSize: 512, using: &generator)
        let expected = Dictionary(uniqueKeysWithValues: set.pages.map { ($0.id, Array(set.bytes[$0.bytes])) })
        let inFile = try spooled(set, profile: profile)
        for runs in [try runs(of: set), try runs(of: inFile)] {
            #expect(pages(of: runs, pageSize: 512) == expected)
            // Neighbours go together.
            #expect(zip(runs, runs.dropFirst()).allSatisfy { $0.first + UInt64($0.bytes.count / 512) < $1.first })
        }
    }

    /// More than is in memory at a time.
    @Test func largeSetsComeInPieces() throws {
        let count = 3 * SpoolFile.pieceBytes / 4_096 + 5
        let set = PageSet(
            pageSize: 4_096, endPageCount: UInt64(count), contents: (1...count).map { (UInt64($0), [UInt8](repeating: UInt8($0 % 251), count: 4_096)) })
        let encoded = try encodeBothWays(set, profile: .sqlite, seq: 2, previousChecksum: 7, createdAt: 1)
        _ = try decodeBothWays(encoded.bytes, profile: .sqlite, expectedSeq: 2)
        let runs = try runs(of: try spooled(set, profile: .sqlite))
        #expect(runs.count == 4 && runs.allSatisfy { $0.bytes.count <= SpoolFile.pieceBytes })
        #expect(runs.flatMap(\.bytes) == set.bytes)
    }

    @Test func whatIsNotFinishedLeavesNothing() throws {
        let folder = SpoolFolder(testSpool.path + "-left")
        defer { try? FileManager.default.removeItem(atPath: folder.path) }
        do {
            let writer = try PageFileWriter(in: folder, profile: .sqlite, pageSize: 512)
            _ = try writer.append(1, count: 512)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 1)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
        do {
            let set = try { () throws(FileFailure) in
                let writer = try PageFileWriter(in: folder, profile: .sqlite, pageSize: 512)
                _ = try writer.append(1, count: 512)
                return try writer.finish(endPageCount: 1)
            }()
            let encoded = try HADBP.encode(set, profile: .sqlite, seq: 1, previousChecksum: 0, createdAt: 0)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 1)
            withExtendedLifetime(encoded) {}
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
    }

    /// Another process has cut off the file.
    @Test func aFileThatEndsEarlyIsNoChangeset() throws {
        let set = PageSet(pageSize: 512, endPageCount: 3, contents: [(1, [UInt8](repeating: 1, count: 512)), (3, [UInt8](repeating: 3, count: 512))])
        let inFile = try spooled(set, profile: .sqlite)
        guard case .file(let file) = inFile.content else { return #expect(Bool(false), "not in a file") }
        #expect(truncate(file.path, off_t(file.size - 1)) == 0)
        #expect(throws: FileFailure.self) { try runs(of: inFile) }
        #expect(throws: HADBPError.self) { try HADBP.encode(inFile, profile: .sqlite, seq: 1, previousChecksum: 0, createdAt: 0) }
        let whole = spoolFile(of: Golden.version1)
        #expect(truncate(whole.path, off_t(whole.size - 1)) == 0)
        let error = #expect(throws: HADBPError.self) { try HADBP.decode(whole, profile: .sqlite) }
        guard case .file = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}

/// A stored changeset that arrives piece by piece is what it is at once.
@Suite struct StoredChangesetReaderTests {
    private static func stored() throws -> (entry: BundleEntry, bytes: [UInt8]) {
        let whole = try BundleFuzz.compressed()
        let entry = try BundleReader.open(whole).entries[0]
        return (entry, Array(try BundleReader.stored(entry, in: whole)))
    }

    private func read(_ bytes: [UInt8], _ entry: BundleEntry, pieces: Int) throws(BundleError) -> Changeset {
        var reader = try StoredChangesetReader(entry, in: testSpool)
        for start in stride(from: 0, to: bytes.count, by: pieces) { try reader.append(Array(bytes[start..<min(start + pieces, bytes.count)])) }
        return try reader.finish(profile: .sqlite)
    }

    @Test(arguments: [1, 7, 1_000_000]) func piecesMakeTheWhole(pieces: Int) throws {
        let (entry, bytes) = try Self.stored()
        let expected = try entry.changeset(from: bytes[...], profile: .sqlite)
        let found = try read(bytes, entry, pieces: pieces)
        #expect(found.checksum == expected.checksum && found.pages.pages.map(\.id) == expected.pages.pages.map(\.id))
        var content: [UInt8] = []
        try found.pages.forEachRun(of: found.pages.pages[...]) { content += Array($0.bytes) }
        #expect(content == expected.pages.bytes)
    }

    @Test func everyFlippedBitAndEveryOtherLengthIsSeen() throws {
        let (entry, bytes) = try Self.stored()
        for bit in 0..<bytes.count * 8 {
            var damaged = bytes
            damaged[bit / 8] ^= 1 << (bit % 8)
            #expect(throws: BundleError.self, "bit \(bit)") { try read(damaged, entry, pieces: 64) }
        }
        for length in 0..<bytes.count {
            #expect(throws: BundleError.self, "length \(length)") { try read(Array(bytes.prefix(length)), entry, pieces: 64) }
        }
        #expect(throws: BundleError.self) { try read(bytes + [0], entry, pieces: 64) }
    }

    /// Whatever the bytes become: no more is written than the entry says.
    @Test func noMoreIsWrittenThanWasAnnounced() throws {
        let content = try Zstd.compress([UInt8](repeating: 0, count: 8 << 20))
        var (entry, _) = try Self.stored()
        entry.storedLength = UInt64(content.count)
        entry.rawLength = 1_000
        entry.compression = .zstd
        #expect(throws: BundleError.compression(.rawLengthMismatch(expected: 1_000, found: 131_072))) { try read(content, entry, pieces: 1 << 20) }
    }
}
