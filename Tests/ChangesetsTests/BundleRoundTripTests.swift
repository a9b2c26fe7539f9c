import BerthTestKit
import Changesets
import FleetModel
import Testing

@Suite struct BundleRoundTripTests {
    /// Changesets of many databases, some of them several times, put in and taken out again.
    @Test(arguments: UInt64(0)..<12) func manyDatabases(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var builder = BundleBuilder(session: BundleFixture.session, node: try BundleFixture.node(), number: seed)
        var positions: [DatabaseID: ChainPosition] = [:]
        var expected: [(profile: HADBP.Profile, changeset: EncodedChangeset, pages: PageSet)] = []
        for _ in 0..<Int.random(in: 0...80, using: &generator) {
            let number = UInt64.random(in: 1...30, using: &generator)
            let database = databaseID(number)
            let profile: HADBP.Profile = number % 5 == 0 ? .blocks : .sqlite
            let kind: ChangesetKind = Int.random(in: 0..<5, using: &generator) == 0 ? .snapshot : .delta
            let pages = PageSet.random(profile: profile, kind: kind, pageSize: 512, using: &generator)
            let position = positions[database] ?? .origin
            let seq = position.seq + 1
            let previous = kind == .snapshot ? 0 : position.checksum
            let changeset = try HADBP.encode(
                pages, profile: profile, seq: seq, previousChecksum: previous, createdAt: 1)
            // A snapshot's own checksum is not the chain's.
            let after = kind == .snapshot ? UInt64.random(in: 0...UInt64.max, using: &generator) : changeset.checksum
            positions[database] = ChainPosition(seq: seq, checksum: after)
            try builder.append(
                database: database, epoch: Epoch(Int64(number)), kind: kind, firstSeq: kind == .snapshot ? 1 : seq,
                lastSeq: seq, previousChecksum: previous, checksum: after, pageSize: 512, createdAt: 1,
                changeset: changeset.bytes)
            expected.append((profile, changeset, pages))
        }

        let size = builder.size
        let (bytes, entries) = try builder.finish()
        #expect(bytes.count == size)
        let bundle = try BundleReader.open(bytes)
        #expect(bundle.entries == entries)
        #expect(bundle.header.number == seed)
        try #require(entries.count == expected.count)
        for (entry, original) in zip(entries, expected) {
            let stored = try BundleReader.stored(entry, in: bytes)
            #expect(try entry.changesetBytes(from: stored) == original.changeset.bytes)
            #expect(try entry.changeset(from: stored, profile: original.profile).pages == original.pages)
        }

        // By ranged reads, the tail fetched being the footer alone or anything longer.
        for tailLength in [BundleReader.footerLength, bytes.count / 2 + BundleReader.footerLength / 2, bytes.count] {
            let footer = try BundleReader.footer(fromTail: bytes.suffix(tailLength), objectSize: UInt64(bytes.count))
            #expect(footer.entryCount == entries.count)
            let index = bytes[Int(footer.indexRange.lowerBound)..<Int(footer.indexRange.upperBound)]
            #expect(
                try BundleReader.index(
                    header: bytes.prefix(BundleReader.headerLength), index: index, footer: footer) == bundle)
        }
    }

    @Test func compressesOnlyWhatGetsSmaller() throws {
        var builder = BundleBuilder(session: BundleFixture.session, node: try BundleFixture.node(), number: 0)
        var generator = SeededGenerator(seed: 1)
        let noise = (0..<1000).map { _ in UInt8.random(in: 0...255, using: &generator) }
        func append(_ bytes: [UInt8]) throws -> BundleEntry {
            try builder.append(
                database: databaseID(1), epoch: .zero, kind: .delta, firstSeq: 1, lastSeq: 1, previousChecksum: 0,
                checksum: 1, pageSize: 512, createdAt: 0, changeset: bytes)
        }
        let random = try append(noise)
        #expect(random.compression == .none)
        #expect(random.storedLength == 1000)
        let zeros = try append(Array(repeating: 0, count: 1000))
        #expect(zeros.compression == .zstd)
        #expect(zeros.storedLength < 100)
        #expect(zeros.rawLength == 1000)
        #expect(zeros.offset == random.offset + 1000)
        let (_, contents) = try BundleFixture.readAll(builder.finish().bytes)
        #expect(contents == [noise, Array(repeating: 0, count: 1000)])
    }

    @Test func theSameAppendsGiveTheSameBytes() throws {
        #expect(try BundleFixture.goldenBuilder().finish().bytes == BundleFixture.goldenBuilder().finish().bytes)
    }

    @Test func anEmptyBundle() throws {
        let builder = BundleBuilder(session: BundleFixture.session, node: try BundleFixture.node(), number: 0)
        #expect(builder.isEmpty)
        let (bytes, _) = try builder.finish()
        #expect(bytes.count == BundleReader.headerLength + BundleReader.footerLength)
        #expect(try BundleReader.open(bytes).entries.isEmpty)
    }

    @Test func theLongestNodeName() throws {
        let node = try NodeName(String(repeating: "n", count: 63))
        let (bytes, _) = try BundleBuilder(session: BundleFixture.session, node: node, number: .max).finish()
        let name = try BundleReader.open(bytes).header.name
        #expect(name == BundleName(node: node, session: BundleFixture.session, number: .max))
        #expect(name.description.hasSuffix("/ffffffffffffffff"))
    }

    @Test func contradictionsAreNotAdded() throws {
        var builder = BundleBuilder(session: BundleFixture.session, node: try BundleFixture.node(), number: 0)
        let before = builder.size
        let wrong: [(ChangesetKind, UInt64, UInt64, UInt64)] = [
            (.delta, 0, 1, 0), (.delta, 3, 2, 0), (.snapshot, 2, 3, 0), (.snapshot, 1, 3, 9),
        ]
        for (kind, first, last, previous) in wrong {
            let error = #expect(throws: BundleError.self) {
                try builder.append(
                    database: databaseID(1), epoch: .zero, kind: kind, firstSeq: first, lastSeq: last,
                    previousChecksum: previous, checksum: 1, pageSize: 512, createdAt: 0, changeset: [1])
            }
            guard case .entryInvalid(index: 0, _) = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
        #expect(builder.size == before)
    }

    @Test(arguments: [
        "", "bundles", "bundles/", "bundles/n/0190a5d0-0000-7000-8000-0000000000aa",
        "bundles/n/0190a5d0-0000-7000-8000-0000000000aa/7", "bundles/n/0190a5d0-0000-7000-8000-0000000000aa/",
        "bundles/n/0190A5D0-0000-7000-8000-0000000000AA/0000000000000007",
        "bundles/n/0190a5d0-0000-7000-8000-0000000000aa/000000000000000A",
        "bundles/n/0190a5d0-0000-7000-8000-0000000000aa/+000000000000007",
        "bundles/n/0190a5d0-0000-7000-8000-0000000000aa/00000000000000007",
        "bundles/n/0190a5d0-0000-7000-8000-0000000000aa/0000000000000007/x",
        "bundles/N/0190a5d0-0000-7000-8000-0000000000aa/0000000000000007",
        "bundles/n/x/0000000000000007", "Bundles/n/0190a5d0-0000-7000-8000-0000000000aa/0000000000000007",
    ]) func isNoName(_ key: String) {
        #expect(BundleName(key) == nil)
    }
}
