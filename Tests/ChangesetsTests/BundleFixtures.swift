import Changesets
import FleetModel
import Foundation

enum BundleFixture {
    static let session = SessionID(
        UUID(uuid: (0x01, 0x90, 0xA5, 0xD0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0xAA)))

    static func node() throws -> NodeName { try NodeName("node-a") }

    /// Written by an independent implementation from the layout described at `BundleContents`: a snapshot and a delta, neither
    /// compressed. It must never change: objects like it are in buckets.
    static let golden = bytes(hex: """
        42455254484200010190a5d00000700080000000000000aa0000000000000007066e6f64652d61000000000000000000
        000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
        484144425001000400001000000000000000000100000000000000000000000101020304050607080000000100000004
        aaaaaaaa2332a12a6479a06c48414442500101040000100000000000000000022332a12a6479a06c000000020000018b
        cfe568010000000100000004cccccccc00000002000000007bf0c56928fcc4700190a5d0000070008000000000000001
        00000000000000030000000000000001000000000000000100000000000000002332a12a6479a06c0000000000000060
        000000000000003c000000000000003c6e5417b6b5bf85350000018bcfe5680000001000010000000190a5d000007000
        80000000000000020000000000000004000000000000000200000000000000022332a12a6479a06c7bf0c56928fcc470
        000000000000009c0000000000000044000000000000004445453c28af456a300000018bcfe568010000100000000000
        00000000000000e0000000d000000002ef29c1626dd957af8541c5151655a6cf4d32c268d0a406ba43e2fa3dae510b28
        4245525448450001
        """)

    /// What the golden bundle is built from.
    static func goldenBuilder() throws -> BundleBuilder {
        var builder = BundleBuilder(session: session, node: try node(), number: 7, isCompressed: false)
        let snapshot = try HADBP.encode(
            PageSet(pageSize: 4096, endPageCount: nil, contents: [(1, [0xAA, 0xAA, 0xAA, 0xAA])]), profile: .sqlite,
            seq: 1, previousChecksum: 0, createdAt: 0x0102_0304_0506_0708)
        try builder.append(
            database: databaseID(1), epoch: Epoch(3), kind: .snapshot, firstSeq: 1, lastSeq: 1, previousChecksum: 0,
            checksum: snapshot.chainChecksum, pageSize: 4096, createdAt: 1_700_000_000_000, changeset: snapshot.bytes)
        let delta = try HADBP.encode(
            PageSet(pageSize: 4096, endPageCount: 1, contents: [(1, [0xCC, 0xCC, 0xCC, 0xCC])]), profile: .sqlite,
            seq: 2, previousChecksum: snapshot.checksum, createdAt: 1_700_000_000_001)
        try builder.append(
            database: databaseID(2), epoch: Epoch(4), kind: .delta, firstSeq: 2, lastSeq: 2,
            previousChecksum: snapshot.checksum, checksum: delta.chainChecksum, pageSize: 4096,
            createdAt: 1_700_000_000_001, changeset: delta.bytes)
        return builder
    }

    /// Opens a bundle and reads all it holds.
    static func readAll(_ whole: [UInt8]) throws -> (BundleContents, [[UInt8]]) {
        let bundle = try BundleReader.open(whole)
        return (bundle, try bundle.entries.map { try $0.changesetBytes(from: BundleReader.stored($0, in: whole)) })
    }
}
