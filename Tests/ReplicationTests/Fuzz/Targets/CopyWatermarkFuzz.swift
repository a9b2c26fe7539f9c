import BerthTestKit
import FleetModel
import Foundation

@testable import Engines

/// The watermark beside the files of a process that died.
enum CopyWatermarkFuzz {
    /// Written by a process that published `7` and was publishing `8`, and by one that had published nothing.
    private static let seeds = [
        #"{"boot":"b","copy":"0190a5d0-0000-4000-8000-0000000000aa","epoch":3,"points":[{"position":{"seq":7,"checksum":18364758544493064720},"#
            + #""mark":{"content":"e30="}},{"position":{"seq":8,"checksum":1},"mark":{"content":"AA=="}}]}"#,
        #"{"boot":"","copy":"0190a5d0-0000-4000-8000-0000000000aa","epoch":9223372036854775807,"points":[{"position":{"seq":0,"checksum":0}}]}"#,
    ].map { Array($0.utf8) + CopyWatermark.checksum(of: Data($0.utf8)) }

    static let target = FuzzTarget(
        "copy-watermark", seeds: seeds,
        words: [#""epoch":"#, #""points":[]"#, #""mark":"#, #""seq":"#, "9223372036854775807", "-9223372036854775808", "null", "{", "}", "\n"],
        reseal: { bytes in
            let line = Data(bytes.prefix { $0 != UInt8(ascii: "\n") })
            bytes = Array(line + CopyWatermark.checksum(of: line))
        }
    ) { bytes in
        guard let watermark = CopyWatermark(encoded: Data(bytes)) else { return .refused }
        let line = Data(bytes.prefix { $0 != UInt8(ascii: "\n") })
        try hold(bytes == Array(line + CopyWatermark.checksum(of: line)), "it was accepted without its checksum")
        try hold(CopyWatermark(encoded: try watermark.encoded()) == watermark, "\(watermark), written and read again, is another one")
        // Whatever it says, it answers for every lease, and only for the position that was asked for.
        for epoch in [Epoch(.min), Epoch(-1), .zero, Epoch(4), Epoch(.max), watermark.epoch] {
            for position in watermark.points.map(\.position) + [.origin, ChainPosition(seq: .max, checksum: .max)] {
                guard let point = watermark.point(at: position, in: epoch) else { continue }
                try hold(point.position == position, "it goes on from \(point.position) under a lease with \(position)")
                try hold(epoch == watermark.epoch || epoch.value == watermark.epoch.value + 1, "\(epoch) follows \(watermark.epoch)")
                try hold(point.mark != nil || position == .origin, "it goes on from \(position) without a mark")
            }
        }
        return .accepted
    }
}
