import Changesets
import FleetModel
import Testing

@Suite struct BundleGoldenTests {
    @Test func writes() throws {
        let builder = try BundleFixture.goldenBuilder()
        #expect(builder.size == BundleFixture.golden.count)
        #expect(try builder.finish().bytes == BundleFixture.golden)
    }

    @Test func reads() throws {
        let bundle = try BundleReader.open(BundleFixture.golden)
        #expect(
            bundle.header
                == BundleHeader(session: BundleFixture.session, node: try BundleFixture.node(), number: 7))
        #expect(bundle.entries == (try BundleFixture.goldenBuilder().entries))
        let snapshot = bundle.entries[0]
        #expect(snapshot.database == databaseID(1))
        #expect(snapshot.epoch == Epoch(3))
        #expect(snapshot.kind == .snapshot)
        #expect(snapshot.offset == 96)
        #expect(snapshot.createdAt == 1_700_000_000_000)
        #expect(try snapshot.changesetBytes(from: BundleReader.stored(snapshot, in: BundleFixture.golden)) == Golden.version1)
        #expect(snapshot.endPosition == ChainPosition(seq: 1, checksum: 0x2332_A12A_6479_A06C))
    }

    @Test func name() throws {
        let name = try BundleReader.open(BundleFixture.golden).header.name
        #expect(name.description == "bundles/node-a/0190a5d0-0000-7000-8000-0000000000aa/0000000000000007")
        #expect(BundleName(name.description) == name)
    }
}
