import BerthTestKit
@testable import Changesets
import FleetModel
import Foundation
import Testing

/// Decodes from memory and from a file, which must come to the same.
func decodeBothWays(
    _ bytes: [UInt8], profile: HADBP.Profile, expectedSeq: UInt64? = nil, expectedPageSize: Int? = nil, expectedKind: ChangesetKind? = nil
) throws(HADBPError) -> Changeset {
    let inMemory = Result { () throws(HADBPError) in
        try HADBP.decode(
            bytes, profile: profile, expectedSeq: expectedSeq, expectedPageSize: expectedPageSize, expectedKind: expectedKind)
    }
    let inFile = Result { () throws(HADBPError) in
        let file = spoolFile(of: bytes)
        var changeset = try HADBP.decode(
            file, profile: profile, expectedSeq: expectedSeq, expectedPageSize: expectedPageSize, expectedKind: expectedKind)
        changeset.pages = inMemoryForm(of: changeset.pages, in: bytes)
        return changeset
    }
    #expect(inFile == inMemory)
    return try inMemory.get()
}

/// Encodes from memory and from a file, which must come to the same.
func encodeBothWays(
    _ pages: PageSet, profile: HADBP.Profile, seq: UInt64, previousChecksum: UInt64, createdAt: Int64
) throws -> EncodedChangeset {
    let encoded = try HADBP.encode(pages, profile: profile, seq: seq, previousChecksum: previousChecksum, createdAt: createdAt)
    let spooled = try HADBP.encode(
        try spooled(pages, profile: profile), profile: profile, seq: seq, previousChecksum: previousChecksum, createdAt: createdAt)
    guard case .file(let file) = spooled.contents else {
        Issue.record("pages in a file became a changeset in memory")
        return encoded
    }
    let written = try [UInt8](Data(contentsOf: URL(filePath: file.path)))
    #expect(written == encoded.bytes)
    #expect(file.size == written.count)
    #expect(spooled.checksum == encoded.checksum && spooled.chainChecksum == encoded.chainChecksum)
    return encoded
}

let testSpool = SpoolFolder(FileManager.default.temporaryDirectory.path + "/berth-changesets-\(getpid())")

func spoolFile(of bytes: [UInt8]) -> SpoolFile {
    let path = testSpool.path + "/\(UUID().uuidString)"
    try? FileManager.default.createDirectory(atPath: testSpool.path, withIntermediateDirectories: true)
    #expect(FileManager.default.createFile(atPath: path, contents: Data(bytes)))
    return SpoolFile(path: path, size: bytes.count)
}

/// The same pages in a file.
func spooled(_ pages: PageSet, profile: HADBP.Profile) throws(FileFailure) -> PageSet {
    let writer = try PageFileWriter(in: testSpool, profile: profile, pageSize: pages.pageSize)
    for page in pages.pages { try writer.append(page.id, count: page.bytes.count).copyBytes(from: pages.bytes[page.bytes]) }
    return try writer.finish(endPageCount: pages.endPageCount)
}

/// The same pages one behind the other, where they lie in `bytes`.
private func inMemoryForm(of pages: PageSet, in bytes: [UInt8]) -> PageSet {
    PageSet(
        pageSize: pages.pageSize, endPageCount: pages.endPageCount,
        contents: pages.pages.map { page in (page.id, Array(bytes[page.bytes])) })
}
