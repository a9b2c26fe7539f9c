import FleetModel
import BerthTestKit

@testable import Engines

/// The WAL reader against a plain one.
enum WALFuzz {
    /// A WAL in memory.
    struct Bytes: WALSource {
        var content: [UInt8]

        func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileFailure) -> Int {
            let available = content[min(offset, content.count)...].prefix(buffer.count)
            buffer.copyBytes(from: available)
            return available.count
        }
    }

    static let target = FuzzTarget(
        "wal",
        seeds: [
            PlainWAL(pageSize: 512, isBigEndian: false, frames: [(1, 0, 9), (2, 2, 8), (2, 3, 7), (3, 0, 6), (1, 3, 5), (4, 0, 4)]),
            PlainWAL(pageSize: 1024, isBigEndian: true, frames: [(1, 1, 3)]), PlainWAL(pageSize: 512, isBigEndian: true, frames: []),
        ].map(\.bytes),
        cost: 4, reseal: reseal, check: check)

    @Sendable static func reseal(_ bytes: inout [UInt8]) {
        var wal = PlainWAL(bytes)
        wal.reseal()
        bytes = wal.bytes
    }

    @Sendable private static func check(_ bytes: [UInt8]) throws -> FuzzTarget.Verdict {
        let expected = PlainWAL(bytes).content()
        guard let reader = try WALReader(Bytes(content: bytes)) else {
            try hold(expected == nil, "a valid header is not seen")
            return .refused
        }
        let scan = try reader.scan(from: reader.header.start)
        let found = PlainWAL.Content(pageCount: scan.pageCount, frames: scan.end.nextFrame, offsets: scan.contentOffsets)
        try hold(found == expected, "\(found) is read instead of \(String(describing: expected))")
        try hold(try reader.scan(from: scan.end).pageCount == nil, "there is more after the end")
        for offset in scan.contentOffsets.values {
            var page = [UInt8](repeating: 0, count: reader.header.pageSize)
            let isThere = try page.withUnsafeMutableBytes { try reader.readPage(at: offset, into: $0) }
            try hold(isThere && page[...] == bytes[offset..<offset + page.count], "the page at \(offset) is another")
        }
        return .accepted
    }
}
